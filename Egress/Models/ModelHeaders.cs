using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace AgentKernel.Egress.Models;

/// <summary>Which headers go through a route, and the key that it adds.</summary>
internal static class ModelHeaders
{
    // Between two hops alone.
    private static readonly HashSet<string> HopByHop = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Proxy-Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect", "HTTP2-Settings",
        "Proxy-Authorization", "Proxy-Authenticate", "Proxy-Authentication-Info", "Alt-Svc",
    };

    // Every header that an API takes a key from: the agent's is a placeholder, or else a key that is not the kernel's.
    private static readonly HashSet<string> NotTheAgents = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Content-Length", "Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "Cookie", "Forwarded",
    };

    public static void CopyRequest(HttpRequest from, HttpRequestMessage to, ModelEndpoint endpoint)
    {
        var named = Named(from.Headers.Connection);
        foreach (var (name, values) in from.Headers)
        {
            if (HopByHop.Contains(name) || NotTheAgents.Contains(name) || named.Contains(name) || name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            if (!to.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                to.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        if (endpoint.KeyHeader is ModelKeyHeader.ApiKey)
        {
            to.Headers.TryAddWithoutValidation("x-api-key", endpoint.Key);
        }
        else
        {
            to.Headers.Authorization = new AuthenticationHeaderValue("Bearer", endpoint.Key);
        }
    }

    public static void CopyResponse(HttpResponseMessage from, HttpResponse to)
    {
        var named = Named(new StringValues([.. from.Headers.Connection]));
        foreach (var (name, values) in from.Headers.NonValidated.Concat(from.Content.Headers.NonValidated))
        {
            if (!HopByHop.Contains(name) && !named.Contains(name))
            {
                to.Headers[name] = new StringValues([.. values]);
            }
        }
    }

    private static HashSet<string> Named(StringValues connection) =>
        connection.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            .Where(name => !string.Equals(name, "Content-Length", StringComparison.OrdinalIgnoreCase)).ToHashSet(StringComparer.OrdinalIgnoreCase);
}
