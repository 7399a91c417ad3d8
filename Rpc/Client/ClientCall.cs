using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using AgentKernel.Rpc.Grpc;
using AgentKernel.Rpc.Server;
using Google.Protobuf;

namespace AgentKernel.Rpc.Client;

/// <summary>One call of a channel. Disposing it before its end resets the stream, which tells the server to stop.</summary>
/// <remarks>Source: gRPC over HTTP2.</remarks>
internal sealed class ClientCall(HttpMessageInvoker http, Uri address, RpcChannelOptions channel, RpcCallOptions options, CancellationToken caller) : IDisposable
{
    private readonly CallLifetime _lifetime = new(options.Timeout, channel.TimeProvider, caller);
    private HttpResponseMessage? _response;
    private FrameReader? _frames;

    public Task SendAsync(string path, IMessage message) => GuardAsync(async () =>
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(address, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new MessageContent(message, options.Gzip),
        };
        AddHeaders(request.Headers);
        _response = await http.SendAsync(request, _lifetime.Token);
        GrpcStatus.ThrowIfRefused(_response);
        var encoding = _response.Headers.TryGetValues("grpc-encoding", out var values) ? values.First() : null;
        var body = PipeReader.Create(await _response.Content.ReadAsStreamAsync(_lifetime.Token));
        _frames = new FrameReader(body, encoding, channel.MaxReceiveMessageBytes, RpcStatusCode.Internal);
        return true;
    });

    /// <summary>The next message, or null when the call has ended with Ok.</summary>
    public Task<T?> ReadAsync<T>(MessageParser<T> parser)
        where T : class, IMessage<T> => GuardAsync(async () =>
    {
        var message = await _frames!.ReadAsync(parser.ParseFrom, _lifetime.Token); // SendAsync comes first
        if (message is null)
            GrpcStatus.ThrowIfFailed(_response!);
        return message;
    });

    public void Dispose()
    {
        _response?.Dispose();
        _lifetime.Dispose();
    }

    private void AddHeaders(HttpRequestHeaders headers)
    {
        headers.TryAddWithoutValidation("te", "trailers");
        headers.TryAddWithoutValidation("grpc-accept-encoding", Gzip.Accepted);
        if (options.Gzip)
            headers.TryAddWithoutValidation("grpc-encoding", Gzip.Name);
        if (options.Timeout is { } timeout)
            headers.TryAddWithoutValidation(GrpcTimeout.Header, GrpcTimeout.Format(timeout));
        if ((options.BearerToken ?? channel.BearerToken) is { } token)
            headers.TryAddWithoutValidation("authorization", $"Bearer {token}");
        foreach (var (key, value) in options.Metadata ?? [])
            headers.TryAddWithoutValidation(key, value);
    }

    /// <summary>Turns whatever ends the call into what <see cref="RpcChannel"/> promises.</summary>
    private async Task<T> GuardAsync<T>(Func<Task<T>> step)
    {
        try
        {
            return await step();
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
        {
            if (_lifetime.CallerGone)
                throw new OperationCanceledException("The call was cancelled by its caller.", e, caller);
            throw _lifetime.DeadlinePassed
                ? new RpcException(RpcStatusCode.DeadlineExceeded, $"no answer from {address.Authority} within {options.Timeout}", e)
                : GrpcStatus.OfTransport(e, address.Authority);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new RpcException(RpcStatusCode.Internal, $"{address.Authority} answered with a malformed message: {e.Message}", e);
        }
    }
}
