using System.Globalization;
using System.Text;

namespace AgentKernel.Rpc.Grpc;

/// <summary>The header <c>grpc-message</c>: UTF-8, with everything but printable ASCII percent-encoded.</summary>
/// <remarks>Source: "Status-Message" of gRPC over HTTP2.</remarks>
internal static class GrpcMessage
{
    public const string Header = "grpc-message";

    /// <summary>gRPC's C core refuses metadata of more than 8 KiB in all; a longer message is cut.</summary>
    private const int MaxEncodedLength = 6 * 1024;

    public static string Encode(string message)
    {
        var encoded = new StringBuilder(message.Length);
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in message.EnumerateRunes())
        {
            if (encoded.Length > MaxEncodedLength)
                return encoded.Append("...").ToString();
            if (rune.Value is >= ' ' and <= '~' and not '%')
            {
                encoded.Append((char)rune.Value);
                continue;
            }
            foreach (var b in utf8[..rune.EncodeToUtf8(utf8)])
                encoded.Append(CultureInfo.InvariantCulture, $"%{b:X2}");
        }
        return encoded.ToString();
    }

    /// <summary>Reads what a peer sent; anything that is not well encoded stays as it is, for a message is better than none.</summary>
    public static string Decode(string encoded) => Uri.UnescapeDataString(encoded);
}
