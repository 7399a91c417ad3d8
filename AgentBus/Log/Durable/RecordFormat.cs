using System.Buffers.Binary;
using System.Runtime.InteropServices;
using AgentKernel.Contracts.Bus;
using Google.Protobuf;

namespace AgentKernel.AgentBus.Log.Durable;

/// <summary>
/// How an entry lies in a segment, little-endian: mark (4 bytes), CRC-32C of all that follows (4), length of the payload (4),
/// kind (4), position (8), first position of the write that it was part of (8), milliseconds since 1970 (8), the payload.
/// A write is only begun when the one before it is on the disk: the first position of the write tells a torn end, which
/// nobody was told of, from damage to what was acknowledged.
/// </summary>
internal static class RecordFormat
{
    public const int HeaderSize = 40;

    public const uint Mark = 0x31_42_4B_41; // "AKB1"

    private const int CheckedFrom = 8;

    /// <summary>Writes a record.</summary>
    public static void Write(Span<byte> into, Payload payload, long position, long writeStart, long timestamp)
    {
        var length = into.Length - HeaderSize;
        BinaryPrimitives.WriteUInt32LittleEndian(into, Mark);
        BinaryPrimitives.WriteInt32LittleEndian(into[8..], length);
        BinaryPrimitives.WriteInt32LittleEndian(into[12..], (int)payload.PayloadCase);
        BinaryPrimitives.WriteInt64LittleEndian(into[16..], position);
        BinaryPrimitives.WriteInt64LittleEndian(into[24..], writeStart);
        BinaryPrimitives.WriteInt64LittleEndian(into[32..], timestamp);
        payload.WriteTo(into[HeaderSize..]);
        BinaryPrimitives.WriteUInt32LittleEndian(into[4..], Crc32C.Of(into[CheckedFrom..]));
    }

    /// <summary>Reads the record at the beginning of the bytes; null where there is no whole and sound one.</summary>
    public static RecordHeader? TryRead(ReadOnlySpan<byte> from)
    {
        if (from.Length < HeaderSize || BinaryPrimitives.ReadUInt32LittleEndian(from) != Mark)
        {
            return null;
        }

        var length = BinaryPrimitives.ReadInt32LittleEndian(from[8..]);
        if (length < 0 || length > from.Length - HeaderSize)
        {
            return null;
        }

        return BinaryPrimitives.ReadUInt32LittleEndian(from[4..]) == Crc32C.Of(from[CheckedFrom..(HeaderSize + length)])
            ? new(
                (Payload.PayloadOneofCase)BinaryPrimitives.ReadInt32LittleEndian(from[12..]),
                BinaryPrimitives.ReadInt64LittleEndian(from[16..]),
                BinaryPrimitives.ReadInt64LittleEndian(from[24..]),
                BinaryPrimitives.ReadInt64LittleEndian(from[32..]),
                length)
            : null;
    }
}

/// <summary>What a record says of itself.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct RecordHeader(Payload.PayloadOneofCase Kind, long Position, long WriteStart, long Timestamp, int PayloadLength)
{
    public int Size => RecordFormat.HeaderSize + PayloadLength;
}
