using System.Text;

namespace AgentKernel.Packaging.Archives;

/// <summary>The 512-byte header of an entry, as POSIX's ustar lays it out.</summary>
internal static class TarBlock
{
    public const int Size = 512;
    public const int NameBytes = 100;
    public const long MaxOctalSize = (1L << 33) - 1;

    /// <summary>Fixed, so that the same files give the same bytes: 2000-01-01T00:00:00Z. Tools warn about times near zero.</summary>
    public const long Time = 946_684_800;

    public static long Padding(long size) => (Size - (size % Size)) % Size;

    public static void Format(Span<byte> block, string name, char type, int mode, long size, string? target)
    {
        block.Clear();
        Encoding.UTF8.GetBytes(name, block[..NameBytes]);
        Octal(block.Slice(100, 8), mode);
        Octal(block.Slice(108, 8), 0);
        Octal(block.Slice(116, 8), 0);
        Octal(block.Slice(124, 12), size);
        Octal(block.Slice(136, 12), Time);
        block[156] = (byte)type;
        Encoding.UTF8.GetBytes(target ?? "", block.Slice(157, NameBytes));
        "ustar\0"u8.CopyTo(block[257..]);
        "00"u8.CopyTo(block[263..]);
        Octal(block.Slice(329, 8), 0);
        Octal(block.Slice(337, 8), 0);
        var sum = Checksum(block);
        Octal(block.Slice(148, 7), sum);
        block[155] = (byte)' ';
    }

    public static bool IsZero(ReadOnlySpan<byte> block) => !block.ContainsAnyExcept((byte)0);

    public static bool HasValidChecksum(ReadOnlySpan<byte> block) =>
        TryNumber(block.Slice(148, 8), out var sum) && sum == Checksum(block);

    public static char Type(ReadOnlySpan<byte> block) => (char)block[156];

    public static string Name(ReadOnlySpan<byte> block)
    {
        var name = Text(block[..NameBytes]);
        // Only POSIX's format has a prefix there; GNU's has times.
        var prefix = block.Slice(257, 6).SequenceEqual("ustar\0"u8) ? Text(block.Slice(345, 155)) : "";
        return prefix.Length > 0 ? $"{prefix}/{name}" : name;
    }

    public static string Target(ReadOnlySpan<byte> block) => Text(block.Slice(157, NameBytes));

    public static bool TryMode(ReadOnlySpan<byte> block, out UnixFileMode mode)
    {
        var valid = TryNumber(block.Slice(100, 8), out var number);
        mode = (UnixFileMode)(int)number & ArchiveEntry.PermissionBits;
        return valid;
    }

    public static bool TrySize(ReadOnlySpan<byte> block, out long size) => TryNumber(block.Slice(124, 12), out size);

    private static int Checksum(ReadOnlySpan<byte> block)
    {
        var sum = 8 * ' ';
        for (var i = 0; i < Size; i++)
        {
            sum += i is >= 148 and < 156 ? 0 : block[i];
        }

        return sum;
    }

    private static void Octal(Span<byte> field, long value)
    {
        // All digits but the last place, which stays NUL.
        for (var i = field.Length - 2; i >= 0; i--)
        {
            field[i] = (byte)('0' + (value & 7));
            value >>= 3;
        }

        field[^1] = 0;
    }

    private static bool TryNumber(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        if ((field[0] & 0x80) != 0)
        {
            // GNU's base-256, for sizes that octal digits cannot hold. The second bit would make it negative.
            if ((field[0] & 0x7f) != 0)
            {
                return false;
            }

            foreach (var digit in field[1..])
            {
                if (value > long.MaxValue >> 8)
                {
                    return false;
                }

                value = (value << 8) | digit;
            }

            return true;
        }

        var text = field.Trim("\0 "u8);
        foreach (var digit in text)
        {
            if (digit is < (byte)'0' or > (byte)'7')
            {
                return false;
            }

            value = (value << 3) | (uint)(digit - '0');
        }

        return true;
    }

    private static string Text(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }
}
