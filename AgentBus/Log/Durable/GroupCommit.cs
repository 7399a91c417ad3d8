using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentBus.Log.Durable;

/// <summary>Writes appends, those together that wait together, with one flush to the disk for all of them.</summary>
internal sealed class GroupCommit(TimeProvider time, TailSignal tail, Func<Segment> writable) : IAsyncDisposable, IThreadPoolWorkItem
{
    // What one write takes at most, but for a single larger entry; the rest waits for the next.
    private const int MaxWriteBytes = 4 * 1024 * 1024;
    private const int KeptBufferBytes = 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private List<Waiting> _waiting = [];
    private List<Waiting> _writing = [];
    private byte[] _buffer = new byte[4096];
    private bool _busy;
    private bool _closed;
    private BusLogException? _broken;

    public ValueTask<long> AppendAsync(Payload payload)
    {
        var mine = new Waiting(payload, RecordFormat.HeaderSize + payload.CalculateSize());
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(IBusLog));
            _waiting.Add(mine);
            if (_busy)
            {
                return new(mine.Task);
            }

            _busy = true;
        }

        // Nobody writes: doing it here and now saves a lone writer two changes of threads, which cost as much as the disk.
        if (WriteOnce())
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }

        return new(mine.Task);
    }

    /// <summary>Writes until nothing waits.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        while (WriteOnce())
        {
            // Those that came during the last write are the next.
        }
    }

    /// <summary>Takes no more appends, and returns when those that were taken are written.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _closed = true;
            if (!_busy)
            {
                _idle.TrySetResult();
            }
        }

        await _idle.Task;
    }

    // Whether more wait.
    private bool WriteOnce()
    {
        lock (_lock)
        {
            (_waiting, _writing) = (_writing, _waiting);
        }

        for (var next = 0; next < _writing.Count;)
        {
            var count = CountForOneWrite(next);
            var group = _writing.Slice(next, count);
            next += count;
            if (TryWrite(group) is { } failure)
            {
                group.ForEach(append => append.SetException(failure));
            }
        }

        _writing.Clear();
        lock (_lock)
        {
            if (_waiting.Count > 0)
            {
                return true;
            }

            _busy = false;
            if (_closed)
            {
                _idle.TrySetResult();
            }

            return false;
        }
    }

    private int CountForOneWrite(int from)
    {
        var bytes = 0L;
        var count = 0;
        while (from + count < _writing.Count && (count == 0 || bytes + _writing[from + count].Size <= MaxWriteBytes))
        {
            bytes += _writing[from + count++].Size;
        }

        return count;
    }

    private BusLogException? TryWrite(List<Waiting> group)
    {
        if (_broken is not null)
        {
            return _broken;
        }

        Segment segment;
        try
        {
            segment = writable();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new BusLogException($"no new file could be begun: {exception.Message}", exception);
        }

        try
        {
            RandomAccess.Write(segment.File, Encode(group, segment.End), segment.Length);
        }
        catch (IOException exception)
        {
            return GiveUp(segment, exception);
        }

        try
        {
            DiskSync.Data(segment.File);
        }
        catch (IOException exception)
        {
            // After a failed flush nobody knows what the disk has; a later one may succeed without having written it.
            return _broken = new BusLogException($"{segment.Path} could not be brought to the disk, and takes no more entries until the service starts anew: {exception.Message}", exception);
        }

        Acknowledge(segment, group);
        return null;
    }

    private ReadOnlySpan<byte> Encode(List<Waiting> group, long first)
    {
        var size = group.Sum(append => append.Size);
        if (_buffer.Length < size || (_buffer.Length > KeptBufferBytes && size <= KeptBufferBytes))
        {
            _buffer = new byte[Math.Max(size, Math.Min(_buffer.Length * 2, KeptBufferBytes))];
        }

        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var at = 0;
        for (var i = 0; i < group.Count; i++)
        {
            var append = group[i];
            append.Header = new(append.Payload.PayloadCase, first + i, first, now, append.Size - RecordFormat.HeaderSize);
            RecordFormat.Write(_buffer.AsSpan(at, append.Size), append.Payload, first + i, first, now);
            at += append.Size;
        }

        return _buffer.AsSpan(..size);
    }

    private void Acknowledge(Segment segment, List<Waiting> group)
    {
        foreach (var append in group)
        {
            segment.Add(append.Header);
        }

        // Readers first: a caller that has its position finds the entry.
        tail.MoveTo(segment.End);
        foreach (var append in group)
        {
            append.SetResult(append.Header.Position);
        }
    }

    // The disk is full, mostly: with what was half written taken back, the log goes on as soon as there is room.
    private BusLogException GiveUp(Segment segment, IOException exception)
    {
        try
        {
            RandomAccess.SetLength(segment.File, segment.Length);
            return new BusLogException($"{segment.Path} could not be written: {exception.Message}", exception);
        }
        catch (IOException second)
        {
            return _broken = new BusLogException($"{segment.Path} could not be written, and takes no more entries until the service starts anew: {second.Message}", exception);
        }
    }

    private sealed class Waiting(Payload payload, int size) : TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public Payload Payload { get; } = payload;

        public int Size { get; } = size;

        public RecordHeader Header { get; set; }
    }
}
