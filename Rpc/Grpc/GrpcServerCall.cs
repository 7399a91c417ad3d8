using System.Buffers.Binary;
using System.Globalization;
using AgentKernel.Rpc.Server;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.Rpc.Grpc;

/// <summary>A call in gRPC over HTTP/2.</summary>
/// <remarks>
/// Source: gRPC over HTTP2 (PROTOCOL-HTTP2.md), statuses of the protocol's own errors from statuscodes.md, but that
/// a malformed request is InvalidArgument; see <see cref="MessageCodec{T}"/>.
/// </remarks>
internal sealed class GrpcServerCall : ServerCall
{
    private readonly HttpContext _http;
    private readonly bool _streams;

    public GrpcServerCall(HttpContext http, bool streams)
    {
        _http = http;
        _streams = streams;
        http.Response.ContentType = "application/grpc";
        http.Response.Headers["grpc-accept-encoding"] = Gzip.Accepted;
    }

    public override TimeSpan? ReadTimeout() =>
        _http.Request.Headers[GrpcTimeout.Header] is [{ } timeout] ? GrpcTimeout.Parse(timeout) : null;

    public override async Task<TRequest> ReadRequestAsync<TRequest>(MessageCodec<TRequest> codec, int maxBytes, CancellationToken cancellationToken)
    {
        var encoding = _http.Request.Headers["grpc-encoding"].ToString();
        if (encoding is not ("" or "identity" or Gzip.Name))
            throw new RpcException(RpcStatusCode.Unimplemented, $"grpc-encoding '{encoding}' is not supported; supported are {Gzip.Accepted}");
        var frames = new FrameReader(_http.Request.BodyReader, encoding is "" ? null : encoding, maxBytes, RpcStatusCode.InvalidArgument);
        var request = await frames.ReadAsync(codec.ReadProto, cancellationToken)
            ?? throw new RpcException(RpcStatusCode.Unimplemented, "the call has no request message; it takes exactly one");
        if (await frames.ReadAsync(_ => "another", cancellationToken) is not null)
            throw new RpcException(RpcStatusCode.Unimplemented, "the call has more than one request message; it takes exactly one");
        return request;
    }

    public override async Task WriteAsync<TResponse>(TResponse message, MessageCodec<TResponse> codec, CancellationToken cancellationToken)
    {
        if (!_http.Response.HasStarted)
            await _http.Response.StartAsync(cancellationToken);
        var body = _http.Response.BodyWriter;
        var header = body.GetSpan(FrameReader.HeaderLength);
        header[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(header[1..], message.CalculateSize());
        body.Advance(FrameReader.HeaderLength);
        message.WriteTo(body);
        // A lone response goes out together with its trailers.
        if (_streams)
            await body.FlushAsync(cancellationToken);
    }

    public override async Task CompleteAsync(CallStatus status, RpcMetadata trailers)
    {
        // Without a body the status stands in the headers: "Trailers-Only", which is for errors alone.
        if (!_http.Response.HasStarted && status.Code == RpcStatusCode.Ok)
            await _http.Response.StartAsync();
        Action<string, string> append = _http.Response.HasStarted
            ? (key, value) => _http.Response.AppendTrailer(key, value)
            : (key, value) => _http.Response.Headers.Append(key, value);
        append("grpc-status", ((int)status.Code).ToString(CultureInfo.InvariantCulture));
        if (status.Message.Length > 0)
            append(GrpcMessage.Header, GrpcMessage.Encode(status.Message));
        foreach (var (key, value) in trailers)
            append(key, value);
        await _http.Response.CompleteAsync();
    }
}
