using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentBus.Log;

/// <summary>A log in this process's memory, gone with it.</summary>
internal sealed class MemoryLog(TimeProvider time) : IBusLog
{
    // A list that is copied when it grows would stall appends: entries are kept in blocks.
    private const int BlockSize = 4096;

    private readonly Lock _lock = new();
    private readonly TailSignal _tail = new(0);
    private volatile BusEntry[][] _blocks = [];
    private bool _closed;

    public long First => 0;

    public long Tail => _tail.Tail;

    public ValueTask<long> AppendAsync(Payload payload, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var entry = new BusEntry { Header = new Header(), Payload = payload };
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            var position = _tail.Tail;
            var (block, index) = Math.DivRem(position, BlockSize);
            if (index == 0)
            {
                _blocks = [.. _blocks, new BusEntry[BlockSize]];
            }

            entry.Header.LogPosition = position;
            entry.Header.RtTimestampMs = time.GetUtcNow().ToUnixTimeMilliseconds();
            _blocks[block][index] = entry;
            _tail.MoveTo(position + 1);
            return ValueTask.FromResult(position);
        }
    }

    public LogPage Read(long start, long end, int max, PayloadKinds kinds)
    {
        end = Math.Min(end, _tail.Tail); // read before the blocks: they hold all entries before the tail that was seen
        var blocks = _blocks;
        var page = new PageBuilder(start, end, max);
        for (var position = page.Start; position < end; position++)
        {
            var entry = blocks[position / BlockSize][position % BlockSize];
            if (kinds.Has(entry.Payload.PayloadCase) && !page.TryAdd(entry, entry.CalculateSize()))
            {
                break;
            }
        }

        return page.Build();
    }

    public Task WaitBeyondAsync(long position, CancellationToken cancellationToken) => _tail.WaitBeyondAsync(position, cancellationToken);

    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _closed = true;
        }

        _tail.Dispose();
        return ValueTask.CompletedTask;
    }
}
