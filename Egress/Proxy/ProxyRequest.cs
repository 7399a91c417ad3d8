using AgentKernel.Egress.Network;
using AgentKernel.Egress.Policy;

namespace AgentKernel.Egress.Proxy;

/// <summary>What a client asks of the proxy.</summary>
/// <param name="Forward">The request for the destination; null for a tunnel.</param>
/// <param name="Target">The whole URL, for a proxy further on; null for a tunnel.</param>
internal sealed record ProxyRequest(Destination Destination, MessageHead? Forward, string? Target)
{
    private const string Scheme = "http://";
    private const int HttpPort = 80;

    // Between the client and this proxy alone. Lengths and encodings are not among them, whatever Connection says.
    private static readonly HashSet<string> HopByHop = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate", "Keep-Alive", "TE", "Upgrade", "Host",
    };

    private static readonly HashSet<string> NeverHopByHop = new(StringComparer.OrdinalIgnoreCase) { "Content-Length", "Transfer-Encoding" };

    /// <exception cref="EgressRefusedException">The request is malformed.</exception>
    public static ProxyRequest Read(MessageHead head)
    {
        if (head.FirstLine.Split(' ') is not [{ Length: > 0 } method, { Length: > 0 } target, "HTTP/1.1" or "HTTP/1.0"] || !method.All(char.IsAsciiLetter))
        {
            throw Malformed("the request line is not 'METHOD target HTTP/1.1'");
        }

        if (method == "CONNECT")
        {
            return new(Parse(target, null), null, null);
        }

        if (!target.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            throw Malformed("this is a proxy: it takes CONNECT host:port, and requests with a whole http:// URL");
        }

        var rest = target[Scheme.Length..];
        var end = rest.AsSpan().IndexOfAny('/', '?', '#');
        var destination = Parse(end < 0 ? rest : rest[..end], HttpPort);
        var path = end < 0 ? "/" : rest[end] == '/' ? rest[end..] : $"/{rest[end..]}";
        if (path.Contains('#') || !path.All(c => c is > ' ' and < '\x7f'))
        {
            throw Malformed("there is a character in the URL that has to be escaped");
        }

        var authority = destination.Port == HttpPort ? destination.Host : destination.ToString();
        var named = head.Headers.Where(header => Is(header, "Connection")).SelectMany(header => header.Value.Split(',', StringSplitOptions.TrimEntries)).ToHashSet(StringComparer.OrdinalIgnoreCase);
        named.ExceptWith(NeverHopByHop);
        List<KeyValuePair<string, string>> headers =
        [
            new("Host", authority),
            .. head.Headers.Where(header => !HopByHop.Contains(header.Key) && !named.Contains(header.Key)),
            new("Connection", "close"),
        ];
        return new(destination, new($"{method} {path} HTTP/1.1", headers, head.Rest), $"{method} {Scheme}{authority}{path} HTTP/1.1");
    }

    private static bool Is(KeyValuePair<string, string> header, string name) => string.Equals(header.Key, name, StringComparison.OrdinalIgnoreCase);

    private static Destination Parse(string authority, int? defaultPort) =>
        Destination.TryParse(authority, defaultPort, out var destination, out var problem) ? destination
            : throw Malformed($"the host '{Printable.Of(authority)}' is refused: {problem}");

    private static EgressRefusedException Malformed(string reason) => new(new(EgressRefusalKind.Malformed, reason));
}
