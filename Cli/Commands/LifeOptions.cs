using System.CommandLine;
using AgentKernel.Contracts.V1;
using Duration = Google.Protobuf.WellKnownTypes.Duration;

namespace AgentKernel.Cli.Commands;

/// <summary>The options that say how long an agent lives, whether it is started anew, and what it may reach.</summary>
internal static class LifeOptions
{
    private static readonly Option<int?> Restarts = new("--restart") { Description = "Starts it anew when it fails, at most so often [default: never]", HelpName = "TIMES" };
    private static readonly Option<double?> Backoff = new("--restart-backoff") { Description = "How long to wait before the first restart; doubled for each one after it [default: 1]", HelpName = "SECONDS" };
    private static readonly Option<double?> IdleTimeout = new("--idle-timeout") { Description = "Ends it when it has run no turn for so long", HelpName = "SECONDS" };
    private static readonly Option<double?> MaxLifetime = new("--max-lifetime") { Description = "Ends it so long after it was ready", HelpName = "SECONDS" };
    private static readonly Option<string[]> Allow = new("--allow") { Description = "A host that it may reach from its sandbox: a name, *.example.com, or an address", HelpName = "HOST[:PORT]" };
    private static readonly Option<bool> HostNetwork = new("--host-network") { Description = "Does not isolate it from this machine's network" };

    public static IReadOnlyList<Option> All { get; } = [Restarts, Backoff, IdleTimeout, MaxLifetime, Allow, HostNetwork];

    /// <exception cref="UsageException">A number of seconds cannot be one.</exception>
    public static void Apply(ParseResult command, SpawnAgentRequest request)
    {
        request.IdleTimeout = Seconds(command, IdleTimeout);
        request.MaxLifetime = Seconds(command, MaxLifetime);
        if (command.GetValue(Restarts) is { } most)
        {
            request.RestartPolicy = new() { Mode = RestartPolicy.Types.Mode.OnFailure, MaxRestarts = most, Backoff = Seconds(command, Backoff) };
        }
        else if (command.GetValue(Backoff) is not null)
        {
            throw new UsageException("--restart-backoff wants --restart");
        }

        if (command.GetValue(Allow) is { Length: > 0 } allowed)
        {
            request.Network = new() { Allow = { allowed } };
        }

        if (command.GetValue(HostNetwork))
        {
            request.Network ??= new();
            request.Network.Host = true;
        }
    }

    private static Duration? Seconds(ParseResult command, Option<double?> option) => command.GetValue(option) switch
    {
        null => null,
        >= 0 and <= 315_576_000_000 and { } seconds => Duration.FromTimeSpan(TimeSpan.FromSeconds(seconds)), // as long as a Duration can be
        var seconds => throw new UsageException($"{option.Name} is {seconds}; it must be a number of seconds, 0 or more"),
    };
}
