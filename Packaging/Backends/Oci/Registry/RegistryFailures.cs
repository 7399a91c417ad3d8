using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgentKernel.Packaging.Backends.Oci.Images;

namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>Says in words what went wrong with a request to a registry, and what can be done about it.</summary>
internal static class RegistryFailures
{
    private const int MaxAnswerBytes = 64 * 1024;
    private const int MaxShown = 200;

    /// <summary>Whether the exception is the registry's doing or the network's, and not the caller's who cancelled.</summary>
    public static bool Explains(Exception exception, CancellationToken cancellationToken) =>
        !cancellationToken.IsCancellationRequested
        && exception is OperationCanceledException or IOException or HttpRequestException or OciException or SocketException;

    /// <summary>What an exception of the HTTP client's means.</summary>
    public static RegistryException Of(Exception exception, RegistryRequest request, IdleTimer timer)
    {
        var (failure, why) = exception switch
        {
            _ when timer.HasExpired => (RegistryFailure.Hangs, $"nothing moved for {timer.Limit.TotalSeconds:0.###} seconds"),
            OciException tooLong => (RegistryFailure.Protocol, tooLong.Message),
            HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => (RegistryFailure.Unreachable, "its name is not known; check the registry's name"),
            HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } tls => (RegistryFailure.Unreachable, $"its certificate or its TLS is not accepted ({Tls(tls)})"),
            HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } refused when refused.InnerException is SocketException socket =>
                (RegistryFailure.Unreachable, $"no connection to it ({socket.SocketErrorCode}); check the registry's address, and that it runs"),
            HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse } => (RegistryFailure.Protocol, "its answer is no HTTP; a registry with TLS needs https://"),
            HttpRequestException { HttpRequestError: HttpRequestError.ProxyTunnelError } => (RegistryFailure.Unreachable, "the HTTP proxy did not let it through"),
            _ => (RegistryFailure.Interrupted, "the connection was cut"),
        };
        return new(failure, Sentence(request, why), exception);
    }

    /// <summary>What a status means that was not expected.</summary>
    public static async Task<RegistryException> OfAsync(RegistryResponse response, RegistryRequest request)
    {
        var said = await SaidAsync(response);
        var status = (int)response.Status;
        var (failure, hint) = response.Status switch
        {
            HttpStatusCode.Unauthorized => (RegistryFailure.Unauthorized, "log in with 'docker login' or 'skopeo login', or check the credentials in Docker's config file"),
            HttpStatusCode.Forbidden => (RegistryFailure.Denied, "the user may not do that there"),
            HttpStatusCode.NotFound => (RegistryFailure.NotFound, "check the name and the tag"),
            HttpStatusCode.TooManyRequests => (RegistryFailure.RateLimited, "wait and try again, or log in"),
            _ when status >= 500 => (RegistryFailure.Broken, "the registry's log says why"),
            _ => (RegistryFailure.Protocol, "that is none of the answers the distribution specification has for it"),
        };
        return new(failure, Sentence(request, $"it answered {status}{said}; {hint}"));
    }

    public static RegistryException Protocol(RegistryRequest request, string why) => new(RegistryFailure.Protocol, Sentence(request, why));

    private static string Sentence(RegistryRequest request, string why) => $"registry {request.Address.Authority}: could not {request.What}: {why}";

    private static string Tls(HttpRequestException exception) =>
        exception.InnerException is AuthenticationException authentication ? authentication.Message : exception.Message;

    /// <summary>The registry's own words, in brackets.</summary>
    private static async Task<string> SaidAsync(RegistryResponse response)
    {
        try
        {
            var errors = JsonNode.Parse(await response.ReadAllAsync(MaxAnswerBytes))?["errors"] as JsonArray;
            if (errors is [JsonObject error, ..])
            {
                var text = $"{(string?)error["code"]}: {(string?)error["message"]}";
                text = string.Concat(text.Where(c => !char.IsControl(c)));
                return $" ({(text.Length > MaxShown ? text[..MaxShown] + "…" : text)})";
            }
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException or RegistryException)
        {
            // The status says enough.
        }

        return "";
    }
}
