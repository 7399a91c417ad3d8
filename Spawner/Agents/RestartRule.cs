using AgentKernel.Contracts.V1;

namespace AgentKernel.Spawner.Agents;

/// <summary>How often, and after what wait, an agent that failed is started anew.</summary>
/// <param name="Backoff">Before the first restart; doubled for each one after it.</param>
internal sealed record RestartRule(int MaxRestarts, TimeSpan Backoff)
{
    public static readonly TimeSpan LongestBackoff = TimeSpan.FromMinutes(1);

    private const int DefaultMaxRestarts = 5;
    private static readonly TimeSpan DefaultBackoff = TimeSpan.FromSeconds(1);

    /// <summary>Reads a policy that has been checked; null: never.</summary>
    public static RestartRule? Of(RestartPolicy? policy) => policy is not { Mode: RestartPolicy.Types.Mode.OnFailure }
        ? null
        : new(policy.HasMaxRestarts ? policy.MaxRestarts : DefaultMaxRestarts, policy.Backoff?.ToTimeSpan() ?? DefaultBackoff);

    /// <summary>How long to wait before a restart, the first being number 1.</summary>
    public TimeSpan WaitBefore(int restart) => TimeSpan.FromSeconds(Math.Min(LongestBackoff.TotalSeconds, Backoff.TotalSeconds * Math.Pow(2, restart - 1)));
}
