using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using AgentKernel.Rpc.Grpc;

namespace AgentKernel.Rpc.Client;

/// <summary>The status of a response, wherever it comes from.</summary>
internal static class GrpcStatus
{
    /// <summary>Throws when the headers alone say that the call has failed: "Trailers-Only", or no gRPC at all.</summary>
    /// <remarks>Source: http-grpc-status-mapping.md.</remarks>
    public static void ThrowIfRefused(HttpResponseMessage response)
    {
        if (response.Headers.Contains("grpc-status"))
        {
            ThrowIfFailed(response.Headers);
            return;
        }
        if (response.StatusCode != HttpStatusCode.OK)
        {
            var code = response.StatusCode switch
            {
                HttpStatusCode.BadRequest => RpcStatusCode.Internal,
                HttpStatusCode.Unauthorized => RpcStatusCode.Unauthenticated,
                HttpStatusCode.Forbidden => RpcStatusCode.PermissionDenied,
                HttpStatusCode.NotFound => RpcStatusCode.Unimplemented,
                HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout => RpcStatusCode.Unavailable,
                _ => RpcStatusCode.Unknown,
            };
            throw new RpcException(code, $"{Authority(response)} answered with HTTP status {(int)response.StatusCode}");
        }
        if (response.Content.Headers.ContentType?.MediaType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) is not true)
            throw new RpcException(RpcStatusCode.Unknown, $"{Authority(response)} answered with content of type {response.Content.Headers.ContentType}, which is not gRPC");
    }

    /// <summary>Throws when the response, read to its end, has failed.</summary>
    public static void ThrowIfFailed(HttpResponseMessage response) =>
        ThrowIfFailed(response.Headers.Contains("grpc-status") ? response.Headers : response.TrailingHeaders);

    /// <summary>The status when HTTP itself failed.</summary>
    /// <remarks>Source: "HTTP2 Transport Mapping, Errors" of gRPC over HTTP2 for a stream that was reset.</remarks>
    public static RpcException OfTransport(Exception exception, string authority)
    {
        var reset = exception as HttpProtocolException ?? exception.InnerException as HttpProtocolException;
        return reset?.ErrorCode switch
        {
            0x8 => new(RpcStatusCode.Cancelled, $"{authority} cancelled the call", exception),
            0xb => new(RpcStatusCode.ResourceExhausted, $"{authority} asks for fewer calls", exception),
            0xc => new(RpcStatusCode.PermissionDenied, $"{authority} finds the connection not secure enough", exception),
            0xd => new(RpcStatusCode.Unavailable, $"{authority} speaks HTTP/1.1 and gRPC needs HTTP/2; is this the right port?", exception),
            // REFUSED_STREAM means "not now".
            not null and not 0x7 => new(RpcStatusCode.Internal, $"{authority} reset the call: {exception.Message}", exception),
            // The same, where the server closed before its answer was read; .NET has no code for it.
            _ when IsHandshake(exception) || exception.InnerException is { } inner && IsHandshake(inner) =>
                new(RpcStatusCode.Unavailable, $"{authority} did not begin HTTP/2, which gRPC needs; perhaps it speaks HTTP/1.1: is this the right port?", exception),
            _ when exception is HttpRequestException or OperationCanceledException => new(RpcStatusCode.Unavailable, $"cannot reach {authority}: {exception.Message}", exception),
            _ => new(RpcStatusCode.Unavailable, $"the connection to {authority} broke: {exception.Message}", exception),
        };
    }

    private static bool IsHandshake(Exception exception) => exception.Message.Contains("HTTP/2 handshake", StringComparison.Ordinal);

    private static void ThrowIfFailed(HttpResponseHeaders headers)
    {
        if (!headers.TryGetValues("grpc-status", out var values))
            throw new RpcException(RpcStatusCode.Unknown, "the response ended without a grpc-status");
        if (!int.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > (int)RpcStatusCode.Unauthenticated)
            throw new RpcException(RpcStatusCode.Unknown, $"the response ended with grpc-status '{values.First()}', which is none");
        if (number == (int)RpcStatusCode.Ok)
            return;
        var message = headers.TryGetValues(GrpcMessage.Header, out var messages) ? GrpcMessage.Decode(messages.First()) : "";
        throw new RpcException((RpcStatusCode)number, message);
    }

    private static string Authority(HttpResponseMessage response) => response.RequestMessage?.RequestUri?.Authority ?? "the server";
}
