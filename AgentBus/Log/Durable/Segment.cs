using AgentKernel.Contracts.Bus;
using Google.Protobuf;
using Microsoft.Win32.SafeHandles;

namespace AgentKernel.AgentBus.Log.Durable;

/// <summary>
/// One file of a log, and where its records are. One writer at a time, any number of readers: what they see is bounded by
/// the tail of the log, which is moved after the index was.
/// </summary>
internal sealed class Segment(string path, SafeFileHandle file, long first) : IDisposable
{
    private const string Extension = ".log";

    private volatile Index _index = new(new int[64], new byte[64]);

    /// <summary>The position of its first record.</summary>
    public long First { get; } = first;

    public string Path { get; } = path;

    /// <summary>How many records it has.</summary>
    public int Count { get; private set; }

    /// <summary>How many bytes its records take.</summary>
    public int Length { get; private set; }

    /// <summary>When its last record was written, in milliseconds since 1970; 0 where it has none.</summary>
    public long LastTimestamp { get; private set; }

    public SafeFileHandle File { get; } = file;

    /// <summary>The position after its last record.</summary>
    public long End => First + Count;

    /// <summary>Makes a new file. It is not lost with the power once this returns.</summary>
    public static Segment Create(string folder, long first)
    {
        var path = System.IO.Path.Combine(folder, $"{first:D20}{Extension}");
        var file = System.IO.File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite);
        try
        {
            System.IO.File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            DiskSync.Folder(folder);
            return new Segment(path, file, first);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The files of a log, oldest first, opened; their records are not looked at.</summary>
    public static List<Segment> OpenAll(string folder)
    {
        var segments = new List<Segment>();
        foreach (var path in Directory.EnumerateFiles(folder, $"*{Extension}").Order(StringComparer.Ordinal))
        {
            if (long.TryParse(System.IO.Path.GetFileNameWithoutExtension(path), out var first))
            {
                segments.Add(new Segment(path, System.IO.File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite), first));
            }
        }

        return segments;
    }

    /// <summary>Takes up a record that has been written at the end.</summary>
    public void Add(in RecordHeader record)
    {
        var index = _index;
        if (Count == index.Ends.Length)
        {
            var larger = new Index(new int[Count * 2], new byte[Count * 2]);
            index.Ends.CopyTo(larger.Ends, 0);
            index.Kinds.CopyTo(larger.Kinds, 0);
            _index = index = larger;
        }

        Length += record.Size;
        index.Ends[Count] = Length;
        index.Kinds[Count] = (byte)record.Kind;
        LastTimestamp = record.Timestamp;
        Count++;
    }

    /// <summary>The kind of the record at a position that it has.</summary>
    public Payload.PayloadOneofCase KindAt(long position) => (Payload.PayloadOneofCase)_index.Kinds[position - First];

    /// <summary>How many bytes the record at a position takes.</summary>
    public int SizeAt(long position)
    {
        var (start, end) = Bounds(position);
        return end - start;
    }

    /// <summary>Reads the record at a position that it has.</summary>
    public BusEntry ReadAt(long position)
    {
        var (start, end) = Bounds(position);
        var buffer = new byte[end - start];
        if (RandomAccess.Read(File, buffer, start) != buffer.Length || RecordFormat.TryRead(buffer) is not { } record || record.Position != position)
        {
            throw new BusLogException($"{Path} is damaged at byte {start}: the entry {position} cannot be read back");
        }

        return new BusEntry
        {
            Header = new Header { LogPosition = position, RtTimestampMs = record.Timestamp },
            Payload = Payload.Parser.ParseFrom(buffer.AsSpan(RecordFormat.HeaderSize)),
        };
    }

    public void Dispose() => File.Dispose();

    private (int Start, int End) Bounds(long position)
    {
        var index = _index;
        var at = (int)(position - First);
        return (at == 0 ? 0 : index.Ends[at - 1], index.Ends[at]);
    }

    // Replaced as a whole when it grows; what is below the tail of the log never changes.
    private sealed record Index(int[] Ends, byte[] Kinds);
}
