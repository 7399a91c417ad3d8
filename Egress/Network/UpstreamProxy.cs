using System.Globalization;
using System.Net.Sockets;
using System.Text;
using AgentKernel.Egress.Policy;

namespace AgentKernel.Egress.Network;

/// <summary>
/// The proxy that this machine itself needs to reach the internet, as its environment names it. What is refused for an
/// agent is refused before it is asked; names it resolves once more by itself.
/// </summary>
internal sealed class UpstreamProxy
{
    private static readonly string[] SecureVariables = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    private static readonly string[] PlainVariables = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    private static readonly string[] ExceptVariables = ["NO_PROXY", "no_proxy"];

    private readonly Uri? _forTunnels;
    private readonly Uri? _forRequests;
    private readonly string[] _except;

    private UpstreamProxy(Uri? forTunnels, Uri? forRequests, string[] except) => (_forTunnels, _forRequests, _except) = (forTunnels, forRequests, except);

    /// <param name="environment">Reads a variable.</param>
    /// <exception cref="FormatException">A variable holds something else than the URL of an HTTP proxy.</exception>
    public static UpstreamProxy FromEnvironment(Func<string, string?> environment) =>
        new(Read(environment, SecureVariables), Read(environment, PlainVariables),
            (First(environment, ExceptVariables).Value ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    /// <summary>The proxy on the way to a destination; null: it is reached directly.</summary>
    public Uri? For(Destination destination, bool tunnel)
    {
        var proxy = tunnel ? _forTunnels : _forRequests;
        return proxy is null || Array.Exists(_except, entry => Excepts(entry, destination)) ? null : proxy;
    }

    /// <summary>The header that the proxy wants; null when its URL has no user.</summary>
    public static KeyValuePair<string, string>? Authorization(Uri proxy) =>
        proxy.UserInfo.Length == 0 ? null
            : new("Proxy-Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(proxy.UserInfo))));

    /// <summary>Asks a proxy that is connected for a tunnel.</summary>
    /// <returns>What the other end has sent already.</returns>
    /// <exception cref="EgressRefusedException">It refuses.</exception>
    public static async Task<ReadOnlyMemory<byte>> OpenTunnelAsync(Socket proxied, Uri proxy, Destination destination, int headLimit, CancellationToken cancellationToken)
    {
        List<KeyValuePair<string, string>> headers = [new("Host", destination.ToString())];
        if (Authorization(proxy) is { } authorization)
        {
            headers.Add(authorization);
        }

        await Relay.SendAsync(proxied, new MessageHead($"CONNECT {destination} HTTP/1.1", headers, default).ToBytes(), cancellationToken);
        var answer = await MessageHead.ReadAsync(proxied, headLimit, cancellationToken);
        var status = answer?.FirstLine.Split(' ') is [var version, { Length: 3 } code, ..] && version.StartsWith("HTTP/1.", StringComparison.Ordinal) ? code : "nothing";
        return status.StartsWith('2') ? answer!.Rest // it has a status
            : throw new EgressRefusedException(new(EgressRefusalKind.Unreachable, $"the proxy on the way to {destination} answers {status}"));
    }

    private static bool Excepts(string entry, Destination destination)
    {
        if (entry == "*")
        {
            return true;
        }

        var host = destination.Host.Trim('[', ']');
        var name = entry.TrimStart('*').TrimStart('.').Trim('[', ']');
        return name.Length > 0 && (string.Equals(host, name, StringComparison.OrdinalIgnoreCase) || host.EndsWith($".{name}", StringComparison.OrdinalIgnoreCase));
    }

    private static Uri? Read(Func<string, string?> environment, string[] variables)
    {
        var (variable, value) = First(environment, variables);
        if (value is null)
        {
            return null;
        }

        var text = value.Contains("://", StringComparison.Ordinal) ? value : $"http://{value}";
        return Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttp
            ? uri : throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"{variable} is not the URL of an HTTP proxy, as in http://proxy.example.com:3128"));
    }

    private static (string? Variable, string? Value) First(Func<string, string?> environment, string[] variables) =>
        variables.Select(variable => (variable, environment(variable))).FirstOrDefault(pair => !string.IsNullOrWhiteSpace(pair.Item2));
}
