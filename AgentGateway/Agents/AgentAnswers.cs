using System.Net;
using System.Text.Json;
using AgentKernel.Rpc;

namespace AgentKernel.AgentGateway.Agents;

/// <summary>What an agent's HTTP answers mean for the caller. Statuses as the agent contract gives them.</summary>
internal static class AgentAnswers
{
    private const int MaxErrorBytes = 64 * 1024;
    private const int MaxMessageLength = 4096;

    public static bool IsEventStream(HttpResponseMessage response) => Is(response, "text/event-stream");

    public static bool IsJson(HttpResponseMessage response) => Is(response, "application/json");

    /// <summary>The agent does not take what the kernel says of itself. That is never the caller's fault.</summary>
    public static bool IsDisagreement(HttpResponseMessage response) =>
        response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;

    /// <summary>Reads why the agent refused, and finds the status for it.</summary>
    public static async Task<RpcException> RefusalAsync(HttpResponseMessage response, string expected, CancellationToken cancellationToken)
    {
        if (IsDisagreement(response))
        {
            return new(RpcStatusCode.Internal, "the agent does not accept the kernel's channel token; this is a fault of the kernel or of the agent, and not of the request");
        }

        var said = (int)response.StatusCode >= 400 ? await ReadErrorAsync(response, cancellationToken) : null;
        return response.StatusCode switch
        {
            HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity => new(RpcStatusCode.InvalidArgument, said ?? "the agent refused the request as malformed"),
            HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented =>
                new(RpcStatusCode.Unimplemented, said ?? "the agent does not have this operation"),
            HttpStatusCode.Conflict => new(RpcStatusCode.Aborted, said ?? "the agent has a turn running"),
            HttpStatusCode.PreconditionFailed => new(RpcStatusCode.FailedPrecondition, said ?? "the agent is not in the state for this"),
            HttpStatusCode.RequestEntityTooLarge => new(RpcStatusCode.ResourceExhausted, said ?? "the request is too large for the agent"),
            HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests => new(RpcStatusCode.Unavailable, said ?? "the agent cannot serve this now"),
            >= HttpStatusCode.InternalServerError => new(RpcStatusCode.Internal, said is null ? "the agent failed" : $"the agent failed: {said}"),
            var status => new(RpcStatusCode.Unavailable,
                $"the agent answered with status {(int)status} and content of type '{response.Content.Headers.ContentType?.MediaType ?? "none"}'; expected was {expected}"),
        };
    }

    /// <summary>The status for a request that found no agent, or something that does not speak HTTP.</summary>
    public static RpcException Unreachable(AgentConnection agent, Exception exception, string expected)
    {
        if (agent.Ended.IsCancellationRequested)
        {
            return new(RpcStatusCode.FailedPrecondition, "the agent has ended; its record says why", exception);
        }

        return new(RpcStatusCode.Unavailable, (exception as HttpRequestException)?.HttpRequestError switch
        {
            HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded => $"the agent answered with something that is not HTTP/1.1; expected was {expected}",
            HttpRequestError.ResponseEnded => $"the agent closed the connection without an answer; expected was {expected}",
            HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError => "the agent cannot be reached: nothing answers where it should listen",
            _ => "the connection to the agent broke",
        }, exception);
    }

    private static bool Is(HttpResponseMessage response, string mediaType) =>
        response.StatusCode == HttpStatusCode.OK
        && response.Content.Headers.ContentEncoding.Count == 0
        && string.Equals(response.Content.Headers.ContentType?.MediaType, mediaType, StringComparison.OrdinalIgnoreCase);

    // The agent's own words, where it has any: {"error": "…"}.
    private static async Task<string?> ReadErrorAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
            var buffer = new byte[MaxErrorBytes];
            var length = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
            using var json = JsonDocument.Parse(buffer.AsMemory(0, length));
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("error", out var error)
                && error.ValueKind == JsonValueKind.String && error.GetString() is { Length: > 0 } text
                ? text.Length <= MaxMessageLength ? text : text[..MaxMessageLength]
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IOException or HttpRequestException)
        {
            return null;
        }
    }
}
