using AgentKernel.Rpc.Connect;
using AgentKernel.Rpc.Grpc;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace AgentKernel.Rpc.Server;

/// <summary>Which protocol a request speaks, by its content type.</summary>
internal static class WireProtocol
{
    /// <summary>Opens the call, or answers in plain HTTP and returns null when the request speaks no protocol of ours.</summary>
    /// <param name="http">The request.</param>
    /// <param name="streams">Whether the method streams; false also for a method that does not exist.</param>
    public static async Task<ServerCall?> OpenAsync(HttpContext http, bool streams)
    {
        switch (ContentType(http.Request))
        {
            // PROTOCOL-HTTP2.md names no answer to HTTP/1.1; its client would not understand any.
            case "application/grpc" or "application/grpc+proto" when HttpProtocol.IsHttp11(http.Request.Protocol) || HttpProtocol.IsHttp10(http.Request.Protocol):
                await RefuseAsync(http, StatusCodes.Status505HttpVersionNotsupported,
                    $"gRPC needs HTTP/2 and this is {http.Request.Protocol}. Call the port that speaks HTTP/2, or send application/json.");
                return null;
            case "application/grpc" or "application/grpc+proto":
                return new GrpcServerCall(http, streams);
            case "application/json" when streams:
                return new EventStreamCall(http);
            case "application/json":
                return new ConnectUnaryCall(http, json: true);
            case "application/proto" when !streams:
                return new ConnectUnaryCall(http, json: false);
            default:
                var accepted = streams ? "application/grpc, application/grpc+proto, application/json"
                    : "application/grpc, application/grpc+proto, application/json, application/proto";
                http.Response.Headers["Accept-Post"] = accepted;
                await RefuseAsync(http, StatusCodes.Status415UnsupportedMediaType, $"This method takes content of type {accepted}.");
                return null;
        }
    }

    private static string? ContentType(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
        && (!type.Charset.HasValue || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase))
            ? type.MediaType.Value?.ToLowerInvariant()
            : null;

    private static Task RefuseAsync(HttpContext http, int status, string message)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "text/plain; charset=utf-8";
        return http.Response.WriteAsync(message + "\n", http.RequestAborted);
    }
}
