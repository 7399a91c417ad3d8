using System.IO.Pipelines;
using System.Text;
using AgentKernel.Rpc.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace AgentKernel.Rpc.Connect;

/// <summary>
/// A server-streaming call for readers without a gRPC library: the request as in a Connect unary call in JSON, the
/// response as server-sent events. Each message is an event with its JSON as data and a number as id, from 1;
/// the last event is <c>end</c>, or <c>error</c> with a Connect error as data. An error before the first message is
/// a Connect error with its HTTP status.
/// </summary>
/// <remarks>Source: "Server-sent events" of the HTML standard.</remarks>
internal sealed class EventStreamCall(HttpContext http) : ServerCall
{
    private long _sent;

    public override TimeSpan? ReadTimeout() => ConnectProtocol.ReadTimeout(http.Request);

    public override Task<TRequest> ReadRequestAsync<TRequest>(MessageCodec<TRequest> codec, int maxBytes, CancellationToken cancellationToken) =>
        ConnectProtocol.ReadBodyAsync(http, codec.ReadJson, maxBytes, cancellationToken);

    public override async Task WriteAsync<TResponse>(TResponse message, MessageCodec<TResponse> codec, CancellationToken cancellationToken)
    {
        var json = codec.WriteJson(message);
        await StartAsync(cancellationToken);
        Encoding.UTF8.GetBytes($"id: {++_sent}\ndata: {json}\n\n", http.Response.BodyWriter);
        await http.Response.BodyWriter.FlushAsync(cancellationToken);
    }

    public override async Task CompleteAsync(CallStatus status, RpcMetadata trailers)
    {
        if (status.Code != RpcStatusCode.Ok && !http.Response.HasStarted)
        {
            await ConnectProtocol.WriteErrorAsync(http.Response, status, trailers);
            return;
        }
        await StartAsync(CancellationToken.None);
        var body = http.Response.BodyWriter;
        if (status.Code == RpcStatusCode.Ok)
        {
            // An event without data is none.
            await body.WriteAsync("event: end\ndata: {}\n\n"u8.ToArray());
        }
        else
        {
            await body.WriteAsync("event: error\ndata: "u8.ToArray());
            await body.WriteAsync(ConnectProtocol.ErrorJson(status));
            await body.WriteAsync("\n\n"u8.ToArray());
        }
        await http.Response.CompleteAsync();
    }

    private async ValueTask StartAsync(CancellationToken cancellationToken)
    {
        if (http.Response.HasStarted)
            return;
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-cache";
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await http.Response.StartAsync(cancellationToken);
    }
}
