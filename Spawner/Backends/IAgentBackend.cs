using System.Text.Json;

namespace AgentKernel.Spawner.Backends;

/// <summary>
/// A place where agents run. Ids, nonces, teams, records and their persistence live above it and are the same for all.
/// </summary>
internal interface IAgentBackend
{
    /// <summary>The name that users choose it by: <c>local</c>, <c>bwrap</c>, <c>kubernetes</c>.</summary>
    string Name { get; }

    /// <summary>How it differs from other backends, as far as callers must know.</summary>
    BackendCapabilities Capabilities { get; }

    /// <summary>Whether it can be used here and now; looks, and changes nothing.</summary>
    Task<BackendProbe> ProbeAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Starts an agent and returns when it can take turns. When it throws, for whatever reason, cancellation included,
    /// nothing of the agent is left but the folder that <paramref name="spec"/> names.
    /// </summary>
    /// <exception cref="AgentStartException">The agent's program could not be started or did not become ready.</exception>
    Task<IAgentHandle> StartAsync(AgentSpec spec, CancellationToken cancellationToken);

    /// <summary>
    /// Takes up an agent that an earlier kernel started, from what its handle had saved. An agent that has ended since
    /// is a handle whose <see cref="IAgentHandle.Completion"/> is about to complete; null where nothing is known of it.
    /// </summary>
    Task<IAgentHandle?> ReattachAsync(AgentSpec spec, JsonElement savedState, CancellationToken cancellationToken);

    /// <summary>Removes what a start left behind that was cut short by the end of the kernel. Idempotent.</summary>
    Task CleanUpAsync(string agentId, CancellationToken cancellationToken);
}

/// <summary>One running agent, from start to end.</summary>
/// <remarks>Disposing lets go of it and leaves it running; <see cref="StopAsync"/> ends it.</remarks>
internal interface IAgentHandle : IAsyncDisposable
{
    /// <summary>What <see cref="IAgentBackend.ReattachAsync"/> needs to find it again. Holds no secret.</summary>
    JsonElement SavedState { get; }

    /// <summary>Where it takes turns.</summary>
    AgentEndpoint Endpoint { get; }

    /// <summary>Completes, and never faults, when the agent has ended and nothing that it started is left.</summary>
    Task<AgentEnd> Completion { get; }

    /// <summary>What the backend has to say of it now, e.g. <c>pid</c>.</summary>
    IReadOnlyDictionary<string, string> Status { get; }

    /// <summary>
    /// Ends it: asks, waits for <paramref name="grace"/>, then forces, and returns when it is confirmed gone. Idempotent.
    /// </summary>
    Task StopAsync(TimeSpan grace);

    /// <summary>What it has printed; see <see cref="Processes.AgentLog.ReadAsync"/>.</summary>
    IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(long tailBytes, bool follow, CancellationToken cancellationToken);
}

/// <summary>Differences between backends, as data.</summary>
/// <param name="Isolated">Whether an agent is kept from the kernel's own user and files.</param>
/// <param name="Remote">Whether agents run on other machines, out of reach of this one's folders and sockets.</param>
internal sealed record BackendCapabilities(bool Isolated, bool Remote)
{
    /// <summary>The keys that <see cref="AgentSpec.BackendConfig"/> may have here; null: the backend looks at them itself.</summary>
    public IReadOnlyCollection<string>? ConfigKeys { get; init; }
}

/// <summary>Whether a backend can be used; if not, why, and what to do about it.</summary>
internal sealed record BackendProbe(bool Usable, string Detail);

/// <summary>Where an agent listens: a unix socket's path, or <c>http://host:port</c>. Exactly one is set.</summary>
internal sealed record AgentEndpoint(string? UnixSocket, Uri? Http);

/// <summary>How an agent ended. Neither code nor signal where nobody was left to see it.</summary>
/// <param name="OutputTail">The last of its output, at most 4 KiB, secrets struck out.</param>
/// <param name="Leftover">What of it could not be ended; null where all is gone.</param>
/// <param name="Limit">In which words one of its limits was the reason; null where none was.</param>
internal sealed record AgentEnd(int? Code, int? Signal, string OutputTail, string? Leftover = null, string? Limit = null)
{
    /// <summary>In words, e.g. <c>exited with code 3</c>.</summary>
    public string Describe() => Leftover is null ? How : $"{How}, but {Leftover}";

    private string How => this switch
    {
        { Limit: { } limit } => limit,
        { Code: { } code } => $"exited with code {code}",
        { Signal: 9 } => "was killed (SIGKILL)",
        { Signal: { } signal } => $"was ended by signal {signal}",
        _ => "is gone, and its exit status with it",
    };
}

/// <summary>An agent's program could not be started, or ended or hung before it was ready.</summary>
internal sealed class AgentStartException(string message, Exception? innerException = null) : Exception(message, innerException);
