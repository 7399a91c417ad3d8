using System.Globalization;
using System.Text;

namespace AgentKernel.Packaging.Archives;

/// <summary>The records of a pax header: <c>length key=value</c> and a line feed each; the length counts itself (POSIX.1-2001, pax).</summary>
internal static class PaxRecords
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static byte[] Format(IEnumerable<(string Key, string Value)> records)
    {
        var text = new StringBuilder();
        foreach (var (key, value) in records)
        {
            var rest = Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount(value) + 3;
            var length = rest + Digits(rest);
            length = rest + Digits(length);
            text.Append(CultureInfo.InvariantCulture, $"{length} {key}={value}\n");
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>The records by key; the last one of a key counts. Throws <see cref="ArchiveException"/> for what is none.</summary>
    public static Dictionary<string, string> Parse(ReadOnlySpan<byte> bytes)
    {
        var records = new Dictionary<string, string>();
        while (!bytes.IsEmpty)
        {
            var space = bytes.IndexOf((byte)' ');
            if (space <= 0 || !int.TryParse(bytes[..space], NumberStyles.None, CultureInfo.InvariantCulture, out var length)
                || length <= space + 1 || length > bytes.Length || bytes[length - 1] != '\n')
            {
                throw Malformed();
            }

            var record = bytes[(space + 1)..(length - 1)];
            var equals = record.IndexOf((byte)'=');
            if (equals <= 0)
            {
                throw Malformed();
            }

            records[Text(record[..equals])] = Text(record[(equals + 1)..]);
            bytes = bytes[length..];
        }

        return records;
    }

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            // Some writers keep binary attributes; the names that matter are refused where they are used.
            return Encoding.UTF8.GetString(bytes);
        }
    }

    private static int Digits(int number) => number.ToString(CultureInfo.InvariantCulture).Length;

    private static ArchiveException Malformed() => new("the archive has a malformed pax header");
}
