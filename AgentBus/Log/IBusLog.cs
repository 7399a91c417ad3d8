using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentBus.Log;

/// <summary>
/// The log of one bus: entries at the positions 0, 1, 2, … that are only ever appended. Appends are linearizable: one that
/// begins after another has returned has the later position, and every read that begins after it sees it. Any number of
/// callers at once. Messages handed in and out are not changed any more.
/// </summary>
internal interface IBusLog : IAsyncDisposable
{
    /// <summary>The oldest position that is still kept; 0 but for retention.</summary>
    long First { get; }

    /// <summary>The position of the next entry. Everything before it is as durable as the store makes it.</summary>
    long Tail { get; }

    /// <summary>Appends an entry.</summary>
    /// <param name="cancellationToken">Looked at before the entry is taken; after that the append is carried out.</param>
    /// <returns>Its position, once it is durable.</returns>
    /// <exception cref="BusLogException">It could not be written; no reader will see it.</exception>
    ValueTask<long> AppendAsync(Payload payload, CancellationToken cancellationToken);

    /// <summary>Reads the entries of [<paramref name="start"/>, <paramref name="end"/>) that are written and of these kinds.</summary>
    /// <param name="max">How many at most, at least 1. A page ends earlier when its entries grow large, but not before the first.</param>
    /// <exception cref="BusLogException">What was written cannot be read back.</exception>
    LogPage Read(long start, long end, int max, PayloadKinds kinds);

    /// <summary>Waits until the tail is beyond a position.</summary>
    /// <exception cref="ObjectDisposedException">The log was closed.</exception>
    Task WaitBeyondAsync(long position, CancellationToken cancellationToken);
}

/// <summary>What a read found.</summary>
/// <param name="Entries">The entries, in the order of their positions.</param>
/// <param name="Next">Where the next read goes on: after the last entry where the page is full, else after all that was looked at.</param>
/// <param name="Complete">Whether no other entry of the range was of these kinds.</param>
internal sealed record LogPage(IReadOnlyList<BusEntry> Entries, long Next, bool Complete);

/// <summary>A log cannot be written or read; the message says which and why, without an entry's content.</summary>
internal sealed class BusLogException(string message, Exception? inner = null) : Exception(message, inner);
