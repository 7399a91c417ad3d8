using System.Buffers;
using System.Buffers.Binary;

namespace AgentKernel.AgentBus.Log.Durable;

/// <summary>Reads a segment's records back when a log is opened.</summary>
internal static class SegmentScan
{
    private const int ReadSize = 256 * 1024;

    /// <summary>Takes up all records of a segment that was left in good order.</summary>
    /// <exception cref="BusLogException">It is damaged.</exception>
    public static void ReadSealed(Segment segment)
    {
        if (ReadRecords(segment) is { } bad)
        {
            throw Damaged(segment, bad);
        }
    }

    /// <summary>
    /// Takes up the records of the segment that was written last, and cuts off a torn end: a write that a crash has cut short,
    /// whose entries nobody was told of.
    /// </summary>
    /// <returns>How many bytes were cut off.</returns>
    /// <exception cref="BusLogException">It is damaged before what a later write has left: entries that were acknowledged are lost.</exception>
    public static long ReadLast(Segment segment)
    {
        if (ReadRecords(segment) is not { } bad)
        {
            return 0;
        }

        var torn = RandomAccess.GetLength(segment.File) - bad;
        if (HasLaterWrite(segment, bad, torn))
        {
            throw Damaged(segment, bad);
        }

        RandomAccess.SetLength(segment.File, bad);
        DiskSync.Data(segment.File);
        return torn;
    }

    // The offset of the first bytes that are no record; null where there are none.
    private static long? ReadRecords(Segment segment)
    {
        var length = RandomAccess.GetLength(segment.File);
        var buffer = ArrayPool<byte>.Shared.Rent(ReadSize);
        try
        {
            long offset = 0, bufferStart = 0;
            var filled = 0;
            while (offset < length)
            {
                var available = buffer.AsSpan((int)(offset - bufferStart)..filled);
                var wanted = (int)Math.Min(Wanted(available), length - offset);
                if (available.Length < wanted)
                {
                    if (buffer.Length < wanted)
                    {
                        ArrayPool<byte>.Shared.Return(buffer);
                        buffer = ArrayPool<byte>.Shared.Rent(wanted);
                    }

                    bufferStart = offset;
                    filled = ReadFully(segment, buffer, offset);
                    continue;
                }

                if (RecordFormat.TryRead(available) is not { } record || record.Position != segment.End)
                {
                    return offset;
                }

                segment.Add(record);
                offset += record.Size;
            }

            return null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // How many bytes are needed to judge what begins here.
    private static long Wanted(ReadOnlySpan<byte> available)
    {
        if (available.Length < RecordFormat.HeaderSize)
        {
            return RecordFormat.HeaderSize;
        }

        var payload = BinaryPrimitives.ReadUInt32LittleEndian(available) == RecordFormat.Mark ? BinaryPrimitives.ReadInt32LittleEndian(available[8..]) : 0;
        return RecordFormat.HeaderSize + (long)Math.Max(payload, 0);
    }

    private static bool HasLaterWrite(Segment segment, long bad, long length)
    {
        var rest = new byte[length];
        var size = ReadFully(segment, rest, bad);
        for (var at = 0; at + RecordFormat.HeaderSize <= size; at++)
        {
            if (RecordFormat.TryRead(rest.AsSpan(at..size)) is { } record && record.WriteStart > segment.End)
            {
                return true;
            }
        }

        return false;
    }

    private static int ReadFully(Segment segment, byte[] buffer, long offset)
    {
        var filled = 0;
        while (filled < buffer.Length)
        {
            var read = RandomAccess.Read(segment.File, buffer.AsSpan(filled), offset + filled);
            if (read == 0)
            {
                break;
            }

            filled += read;
        }

        return filled;
    }

    private static BusLogException Damaged(Segment segment, long offset) =>
        new($"{segment.Path} is damaged at byte {offset}: the entry {segment.End} was acknowledged and cannot be read back");
}
