using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentRuntime.Bus;

/// <summary>
/// A bus in the agent's own process, for looking on: whatever is intended is committed at once, because a guard that the
/// guarded one could switch off would be none.
/// </summary>
internal sealed class MemoryBus(TimeProvider clock) : IAgentBus
{
    private readonly Lock _using = new();
    private readonly List<BusEntry> _entries = [];
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long Tail
    {
        get
        {
            lock (_using)
            {
                return _entries.Count;
            }
        }
    }

    public Task<long> AppendAsync(Payload payload, CancellationToken cancellationToken)
    {
        TaskCompletionSource grown;
        long position;
        lock (_using)
        {
            position = Add(payload);
            if (payload.PayloadCase is Payload.PayloadOneofCase.Intention)
            {
                Add(new() { Commit = new() { IntentionId = position, Reason = "the bus in the agent's own process only looks on" } });
            }

            (grown, _grown) = (_grown, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        grown.SetResult();
        return Task.FromResult(position);
    }

    public async Task<(IReadOnlyList<BusEntry> Entries, long Next)> WaitAsync(
        long start, IReadOnlyList<SelectivePollType> kinds, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        while (true)
        {
            Task grown;
            long tail;
            lock (_using)
            {
                (grown, tail) = (_grown.Task, _entries.Count);
            }

            var found = Select(start, tail, int.MaxValue, kinds);
            if (found.Count > 0 || limit.IsCancellationRequested)
            {
                return (found, tail);
            }

            start = Math.Max(start, tail);
            await grown.WaitAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    public Task<(IReadOnlyList<BusEntry> Entries, bool Complete)> ReadAsync(long start, CancellationToken cancellationToken) =>
        Task.FromResult<(IReadOnlyList<BusEntry>, bool)>((Select(start, long.MaxValue, int.MaxValue, null), true));

    /// <summary>The entries of a range, of some kinds.</summary>
    /// <param name="kinds">Null: of every kind.</param>
    public IReadOnlyList<BusEntry> Select(long start, long end, int max, IReadOnlyCollection<SelectivePollType>? kinds)
    {
        lock (_using)
        {
            return [.. _entries.Skip((int)Math.Min(start, int.MaxValue)).Take((int)Math.Clamp(end - start, 0, int.MaxValue))
                .Where(entry => kinds is null || kinds.Contains((SelectivePollType)(int)entry.Payload.PayloadCase)).Take(max)];
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private long Add(Payload payload)
    {
        var position = _entries.Count;
        _entries.Add(new() { Header = new() { LogPosition = position, RtTimestampMs = clock.GetUtcNow().ToUnixTimeMilliseconds() }, Payload = payload });
        return position;
    }
}
