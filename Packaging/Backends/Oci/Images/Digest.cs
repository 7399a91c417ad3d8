using System.Buffers;
using System.Security.Cryptography;

namespace AgentKernel.Packaging.Backends.Oci.Images;

/// <summary>The SHA-256 of a blob, written <c>sha256:</c> and 64 lower-case hexadecimal digits.</summary>
internal sealed record Digest
{
    private const string Prefix = "sha256:";
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    private Digest(string hex) => Hex = hex;

    public string Hex { get; }

    public static Digest Of(ReadOnlySpan<byte> bytes) => FromHash(SHA256.HashData(bytes));

    public static Digest FromHash(ReadOnlySpan<byte> hash) => new(Convert.ToHexStringLower(hash));

    /// <summary>Null when the text is not such a digest.</summary>
    public static Digest? TryParse(string? text) =>
        text is { Length: 71 } && text.StartsWith(Prefix, StringComparison.Ordinal) && !text.AsSpan(Prefix.Length).ContainsAnyExcept(HexDigits)
            ? new(text[Prefix.Length..])
            : null;

    public override string ToString() => Prefix + Hex;
}
