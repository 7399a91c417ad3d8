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
        // Read from further back and cut only then: a secret that is cut in two would not be known for one.
        var longest = secrets.Select(Encoding.UTF8.GetByteCount).DefaultIfEmpty().Max();
        var text = Redact(log.Tail(maxBytes + Math.Max(longest, LongestVendorKey)), secrets).Trim();
        var start = Math.Max(0, text.Length - maxBytes);
        while (start < text.Length && (Encoding.UTF8.GetByteCount(text.AsSpan(start)) > maxBytes || char.IsLowSurrogate(text[start])))
        {
            start++;
        }

        return text[start..];
    }

    /// <summary>The text of some output, without the secrets. Invalid UTF-8 is replaced.</summary>
    public static string Redact(ReadOnlySpan<byte> output, IEnumerable<string> secrets)
    {
        var text = Encoding.UTF8.GetString(output);
        foreach (var secret in secrets.Where(secret => secret.Length >= ShortestSecret).OrderByDescending(secret => secret.Length))
        {
            text = text.Replace(secret, Struck, StringComparison.Ordinal);
        }

        return VendorKey().Replace(text, Struck);
    }

    // Anthropic's and OpenAI's keys: sk-, sk-ant-…, sk-proj-….
    [GeneratedRegex("sk-[A-Za-z0-9_-]{16,}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex VendorKey();
}
