using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentBus.Log.Durable;

/// <summary>
/// A log in files. Appends that wait at the same time are written together and share one flush to the disk: whoever finds
/// no write under way writes at once, in its own thread; those that come meanwhile are written after it, together.
/// </summary>
internal sealed class SegmentedLog : IPrunableLog
{
    private readonly string _folder;
    private readonly int _segmentBytes;
    private readonly TailSignal _tail;
    private readonly GroupCommit _commit;
    private readonly Lock _segmentsLock = new();
    private volatile Segment[] _segments;

    private SegmentedLog(string folder, int segmentBytes, List<Segment> segments, long tornBytes, TimeProvider time)
    {
        (_folder, _segmentBytes, _segments, TornBytes) = (folder, segmentBytes, [.. segments], tornBytes);
        _tail = new(segments[^1].End);
        _commit = new(time, _tail, WritableSegment);
    }

    public long First => _segments[0].First;

    public long Tail => _tail.Tail;

    /// <summary>How many bytes of a write that a crash had cut short were removed when it was opened.</summary>
    public long TornBytes { get; }

    /// <summary>How many bytes it takes.</summary>
    public long Size => _segments.Sum(segment => (long)segment.Length);

    /// <summary>Opens the log of a folder, which is made where it is missing.</summary>
    /// <param name="segmentBytes">From how many bytes on a file is followed by a new one.</param>
    /// <exception cref="BusLogException">What is there is damaged or not complete.</exception>
    public static SegmentedLog Open(string folder, int segmentBytes, TimeProvider time)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var segments = new List<Segment>();
        try
        {
            segments = Segment.OpenAll(folder);
            if (segments.Count == 0)
            {
                segments.Add(Segment.Create(folder, 0));
            }

            foreach (var (segment, next) in segments.Zip(segments.Skip(1)))
            {
                SegmentScan.ReadSealed(segment);
                if (segment.End != next.First)
                {
                    throw new BusLogException($"{folder} lacks the entries {segment.End} to {next.First - 1}");
                }
            }

            var torn = SegmentScan.ReadLast(segments[^1]);
            return new SegmentedLog(folder, segmentBytes, segments, torn, time);
        }
        catch (Exception exception)
        {
            segments.ForEach(segment => segment.Dispose());
            throw exception is IOException ? new BusLogException($"{folder} could not be opened: {exception.Message}", exception) : exception;
        }
    }

    public ValueTask<long> AppendAsync(Payload payload, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return _commit.AppendAsync(payload);
    }

    public LogPage Read(long start, long end, int max, PayloadKinds kinds)
    {
        end = Math.Min(end, _tail.Tail); // read before the segments: they hold all entries before the tail that was seen
        while (true)
        {
            var segments = _segments;
            try
            {
                return Read(segments, start, end, max, kinds);
            }
            catch (ObjectDisposedException) when (segments != _segments)
            {
                // The oldest were dropped meanwhile: what is kept begins later now.
            }
        }
    }

    public Task WaitBeyondAsync(long position, CancellationToken cancellationToken) => _tail.WaitBeyondAsync(position, cancellationToken);

    // By whole files; the one being written stays.
    public long FirstToKeep(long? maxBytes, DateTimeOffset? notBefore)
    {
        var segments = _segments;
        var size = segments.Sum(segment => (long)segment.Length);
        var keep = 0;
        while (keep < segments.Length - 1 && (size > maxBytes || segments[keep].LastTimestamp < notBefore?.ToUnixTimeMilliseconds()))
        {
            size -= segments[keep++].Length;
        }

        return segments[keep].First;
    }

    public void DropBefore(long position)
    {
        lock (_segmentsLock)
        {
            var segments = _segments;
            var keep = 0;
            while (keep < segments.Length - 1 && segments[keep + 1].First <= position)
            {
                keep++;
            }

            _segments = segments[keep..];
            foreach (var segment in segments.AsSpan(..keep))
            {
                segment.Dispose();
                File.Delete(segment.Path); // oldest first: a crash in between leaves no gap
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _commit.DisposeAsync();
        _tail.Dispose();
        foreach (var segment in _segments)
        {
            segment.Dispose();
        }
    }

    private static LogPage Read(Segment[] segments, long start, long end, int max, PayloadKinds kinds)
    {
        var page = new PageBuilder(Math.Max(start, segments[0].First), end, max);
        var at = Math.Max(Array.FindLastIndex(segments, segment => segment.First <= page.Start), 0);
        for (var position = page.Start; position < end; position++)
        {
            while (at + 1 < segments.Length && segments[at + 1].First <= position)
            {
                at++;
            }

            if (!kinds.Has(segments[at].KindAt(position)))
            {
                continue;
            }

            var size = segments[at].SizeAt(position);
            if (!page.HasPlaceFor(size))
            {
                break;
            }

            page.TryAdd(segments[at].ReadAt(position), size);
        }

        return page.Build();
    }

    // Called by the one write that is under way.
    private Segment WritableSegment()
    {
        var last = _segments[^1];
        if (last.Length < _segmentBytes)
        {
            return last;
        }

        var next = Segment.Create(_folder, last.End);
        lock (_segmentsLock)
        {
            _segments = [.. _segments, next];
        }

        return next;
    }
}
