using System.Text;
using System.Text.RegularExpressions;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Backends;

/// <summary>Strikes known secrets, and what looks like a vendor's key, out of text that will be shown.</summary>
internal static partial class SecretRedactor
{
    private const string Struck = "[redacted]";
    private const int ShortestSecret = 6; // a shorter one would strike out ordinary words
    private const int LongestVendorKey = 256;

    /// <summary>The last of a log, at most so many bytes of UTF-8, without the secrets. Invalid UTF-8 is replaced.</summary>
    public static string Tail(AgentLog log, IReadOnlyCollection<string> secrets, int maxBytes)
    {
        // Read from further back, as a secret that is cut in two would not be known for one; and cut before striking out,
        // which changes the length, so that the end that is kept would reach back to where the reading began.
        var longest = secrets.Select(Encoding.UTF8.GetByteCount).DefaultIfEmpty().Max();
        var text = Encoding.UTF8.GetString(log.Tail(maxBytes + Math.Max(longest, LongestVendorKey)));
        var whole = text[BehindSecrets(text, LastBytes(text, maxBytes), secrets)..];
        var shown = Redact(whole, secrets).Trim();
        return shown[LastBytes(shown, maxBytes)..]; // what stands for a secret can be longer than it was
    }

    /// <summary>The text of some output, without the secrets. Invalid UTF-8 is replaced.</summary>
    public static string Redact(ReadOnlySpan<byte> output, IEnumerable<string> secrets) => Redact(Encoding.UTF8.GetString(output), secrets);

    private static string Redact(string text, IEnumerable<string> secrets)
    {
        foreach (var secret in secrets.Where(IsStruck).OrderByDescending(secret => secret.Length))
        {
            text = text.Replace(secret, Struck, StringComparison.Ordinal);
        }

        return VendorKey().Replace(text, Struck);
    }

    // Where the last so many bytes of UTF-8 begin, at a whole character.
    private static int LastBytes(string text, int maxBytes)
    {
        var start = Math.Max(0, text.Length - maxBytes);
        while (start < text.Length && (Encoding.UTF8.GetByteCount(text.AsSpan(start)) > maxBytes || char.IsLowSurrogate(text[start])))
        {
            start++;
        }

        return start;
    }

    // The first place from start on that is in no secret which began before it.
    private static int BehindSecrets(string text, int start, IReadOnlyCollection<string> secrets)
    {
        while (true)
        {
            var end = start;
            foreach (var secret in secrets.Where(IsStruck))
            {
                var first = Math.Max(0, start - secret.Length + 1);
                var index = text.AsSpan(first, Math.Min(text.Length, start + secret.Length - 1) - first).IndexOf(secret, StringComparison.Ordinal);
                end = index >= 0 ? Math.Max(end, first + index + secret.Length) : end;
            }

            foreach (var key in VendorKey().EnumerateMatches(text))
            {
                end = key.Index < start ? Math.Max(end, key.Index + key.Length) : end;
            }

            if (end == start)
            {
                return start;
            }

            start = end;
        }
    }

    private static bool IsStruck(string secret) => secret.Length >= ShortestSecret;

    // Anthropic's and OpenAI's keys: sk-, sk-ant-…, sk-proj-….
    [GeneratedRegex("sk-[A-Za-z0-9_-]{16,}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex VendorKey();
}
