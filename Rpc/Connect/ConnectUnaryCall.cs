using System.Text;
using AgentKernel.Rpc.Server;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.Rpc.Connect;

/// <summary>A unary call in the Connect protocol, in protobuf or JSON, over any HTTP version.</summary>
internal sealed class ConnectUnaryCall(HttpContext http, bool json) : ServerCall
{
    /// <summary>Writes the response; it waits for the trailers, because they stand in front of it.</summary>
    private Action? _write;

    public override TimeSpan? ReadTimeout() => ConnectProtocol.ReadTimeout(http.Request);

    public override Task<TRequest> ReadRequestAsync<TRequest>(MessageCodec<TRequest> codec, int maxBytes, CancellationToken cancellationToken) =>
        ConnectProtocol.ReadBodyAsync<TRequest>(http, json ? codec.ReadJson : codec.ReadProto, maxBytes, cancellationToken);

    public override Task WriteAsync<TResponse>(TResponse message, MessageCodec<TResponse> codec, CancellationToken cancellationToken)
    {
        if (json)
        {
            var text = codec.WriteJson(message);
            _write = () => Encoding.UTF8.GetBytes(text, http.Response.BodyWriter);
        }
        else
        {
            http.Response.ContentLength = message.CalculateSize();
            _write = () =>
            {
                // Google.Protobuf advances by nothing before it asks for memory, which Kestrel refuses.
                http.Response.BodyWriter.GetSpan();
                message.WriteTo(http.Response.BodyWriter);
            };
        }
        return Task.CompletedTask;
    }

    public override async Task CompleteAsync(CallStatus status, RpcMetadata trailers)
    {
        if (status.Code != RpcStatusCode.Ok || _write is null)
        {
            await ConnectProtocol.WriteErrorAsync(http.Response, status, trailers);
            return;
        }
        http.Response.ContentType = json ? "application/json" : "application/proto";
        ConnectProtocol.AddTrailers(http.Response, trailers);
        await http.Response.StartAsync();
        _write();
        await http.Response.CompleteAsync();
    }
}
