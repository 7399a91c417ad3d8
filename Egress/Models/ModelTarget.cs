using System.Net;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.Egress.Models;

/// <summary>Where a request on a route goes: below the endpoint's base URL, and nowhere else.</summary>
internal static class ModelTarget
{
    private static readonly HashSet<string> Methods = new(StringComparer.Ordinal) { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };
    private static readonly HashSet<string> LoopbackNames = new(StringComparer.OrdinalIgnoreCase) { "127.0.0.1", "localhost", "[::1]" };

    // Paths are sent on as they came; what they mean to the other end has been checked before.
    private static readonly UriCreationOptions AsItIs = new() { DangerousDisablePathAndQueryCanonicalization = true };

    /// <param name="rawTarget">As it stands in the request line.</param>
    /// <returns>The URL, or what is wrong.</returns>
    public static (Uri? Url, string? Problem) Find(ModelEndpoint endpoint, string method, HostString host, string rawTarget)
    {
        if (!Methods.Contains(method))
        {
            return (null, $"method {method} is refused");
        }

        if (!rawTarget.StartsWith('/'))
        {
            return (null, "only paths are taken here, not whole URLs: this is the route to one model, not a proxy");
        }

        if (!IsHere(host, endpoint))
        {
            return (null, "the Host header names another host; this route leads to one model alone");
        }

        var query = rawTarget.IndexOf('?');
        var path = query < 0 ? rawTarget : rawTarget[..query];
        if (!rawTarget.All(c => c is > ' ' and < '\x7f') || rawTarget.Contains('#') || path.StartsWith("//", StringComparison.Ordinal) || Climbs(path))
        {
            return (null, "the path is malformed, or leads out of the endpoint's own");
        }

        var url = endpoint.BaseUrl.GetLeftPart(UriPartial.Path).TrimEnd('/') + rawTarget;
        return Uri.TryCreate(url, AsItIs, out var target) ? (target, null) : (null, "the path is malformed");
    }

    private static bool IsHere(HostString host, ModelEndpoint endpoint) =>
        !host.HasValue || LoopbackNames.Contains(host.Host) || string.Equals(host.Host.Trim('[', ']'), endpoint.BaseUrl.IdnHost.Trim('[', ']'), StringComparison.OrdinalIgnoreCase);

    // Servers differ in how often they unescape, and in whether a backslash parts; so all ways are looked at.
    private static bool Climbs(string path)
    {
        for (var i = 0; i < 3; i++)
        {
            if (path.Split('/', '\\').Any(part => part.Split(';')[0] is "." or ".."))
            {
                return true;
            }

            path = WebUtility.UrlDecode(path.Replace("+", "%2B", StringComparison.Ordinal));
        }

        return path.Contains('\0');
    }
}
