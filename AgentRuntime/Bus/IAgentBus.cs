using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentRuntime.Bus;

/// <summary>One agent's own bus. Any call may run beside another; all throw <see cref="BusException"/> where the bus cannot be used.</summary>
internal interface IAgentBus : IAsyncDisposable
{
    /// <summary>Appends an entry; it is there for good when this returns its position.</summary>
    Task<long> AppendAsync(Payload payload, CancellationToken cancellationToken);

    /// <summary>Waits for entries of some kinds from a position on; none when <paramref name="timeout"/> (a minute at most) has passed.</summary>
    /// <returns>The entries, and where to go on.</returns>
    Task<(IReadOnlyList<BusEntry> Entries, long Next)> WaitAsync(long start, IReadOnlyList<SelectivePollType> kinds, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Reads what stands there from a position on.</summary>
    /// <returns>The entries, and whether they are the last ones.</returns>
    Task<(IReadOnlyList<BusEntry> Entries, bool Complete)> ReadAsync(long start, CancellationToken cancellationToken);
}

/// <summary>The bus cannot be used; the message says why, in words for the agent's owner.</summary>
/// <param name="isEntryRefused">Whether the bus was reached, and would not have this entry: it would not have it the next time either.</param>
internal sealed class BusException(string message, bool isEntryRefused = false, Exception? inner = null) : Exception(message, inner)
{
    public bool IsEntryRefused => isEntryRefused;
}
