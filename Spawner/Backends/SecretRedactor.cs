using System.Text;
using System.Text.RegularExpressions;

namespace AgentKernel.Spawner.Backends;

/// <summary>Strikes known secrets, and what looks like a vendor's key, out of text that will be shown.</summary>
internal static partial class SecretRedactor
{
    private const string Struck = "[redacted]";
    private const int ShortestSecret = 6; // a shorter one would strike out ordinary words

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
