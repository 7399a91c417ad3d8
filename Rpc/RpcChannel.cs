using System.Diagnostics;
using System.Runtime.CompilerServices;
using AgentKernel.Rpc.Client;
using Google.Protobuf;

namespace AgentKernel.Rpc;

/// <summary>
/// Calls a gRPC server over HTTP/2: without TLS for <c>http://</c> (the server must speak HTTP/2 from the first
/// byte), with TLS and ALPN for <c>https://</c>. One channel serves any number of calls at once and is kept for as
/// long as the server is used.
/// </summary>
/// <remarks>
/// A call that fails throws <see cref="RpcException"/>: with the server's status; with
/// <see cref="RpcStatusCode.Unavailable"/> when the server cannot be reached or the connection breaks; with
/// <see cref="RpcStatusCode.DeadlineExceeded"/> when the timeout passes. When the caller's own token fires it throws
/// <see cref="OperationCanceledException"/>. Only a call of an idempotent method is made again, where the server could not
/// be reached: twice at most, within the call's timeout.
/// </remarks>
public sealed class RpcChannel : IDisposable
{
    /// <summary>How long to wait before the next try; each up to half as long again, so that callers do not come all at once.</summary>
    private static readonly TimeSpan[] Backoff = [TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(400)];

    private readonly HttpMessageInvoker _http;
    private readonly Uri _address;
    private readonly RpcChannelOptions _options;

    /// <summary>Makes a channel; it connects with the first call.</summary>
    /// <param name="address">Scheme, host and port of the server, e.g. <c>http://127.0.0.1:7080</c>.</param>
    /// <param name="options">What holds for every call.</param>
    public RpcChannel(Uri address, RpcChannelOptions? options = null)
    {
        if (!address.IsAbsoluteUri || address.Scheme is not ("http" or "https"))
            throw new ArgumentException($"'{address}' is not the address of a gRPC server; it starts with http:// or https://.", nameof(address));
        _address = address;
        _options = options ?? new();
        _http = new HttpMessageInvoker(
            _options.Handler ?? new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                EnableMultipleHttp2Connections = true,
                // Proxies tunnel TLS, not HTTP/2 in the clear.
                UseProxy = address.Scheme == "https",
                // A server that vanished without a word ends the calls that wait for it. Kestrel takes any number of pings;
                // where a server of gRPC's own libraries counts them (by default more than one in 5 minutes without data
                // is too many, see gRPC's keepalive.md), give a handler of your own.
                KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
                KeepAlivePingDelay = TimeSpan.FromSeconds(30),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(20),
            },
            disposeHandler: _options.Handler is null);
    }

    /// <summary>Calls a unary method.</summary>
    public async Task<TResponse> CallAsync<TRequest, TResponse>(
        UnaryMethod<TRequest, TResponse> method, TRequest request, RpcCallOptions? options = null, CancellationToken cancellationToken = default)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        var start = Stopwatch.GetTimestamp();
        for (var tries = 0; ; tries++)
        {
            var left = options?.Timeout - Stopwatch.GetElapsedTime(start);
            try
            {
                return await CallOnceAsync(method, request, tries == 0 ? options : options! with { Timeout = left }, cancellationToken);
            }
            // An inner exception: the connection's. A status that the server sent is its answer.
            catch (RpcException e) when (e is { Code: RpcStatusCode.Unavailable, InnerException: not null } && method.Idempotent && tries < Backoff.Length && !(left <= Backoff[tries] * 2))
            {
                options ??= new();
                await Task.Delay(Backoff[tries] * (1 + (Random.Shared.NextDouble() / 2)), cancellationToken);
            }
        }
    }

    /// <summary>
    /// Calls a server-streaming method. The call starts with the enumeration; leaving the enumeration early cancels
    /// the call at the server.
    /// </summary>
    public IAsyncEnumerable<TResponse> StreamAsync<TRequest, TResponse>(
        ServerStreamingMethod<TRequest, TResponse> method, TRequest request, RpcCallOptions? options = null, CancellationToken cancellationToken = default)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        ReceiveAsync(method, request, options, cancellationToken);

    /// <summary>Ends the connections; calls that still run fail.</summary>
    public void Dispose() => _http.Dispose();

    private async Task<TResponse> CallOnceAsync<TRequest, TResponse>(
        UnaryMethod<TRequest, TResponse> method, TRequest request, RpcCallOptions? options, CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        TResponse? response = null;
        await foreach (var message in ReceiveAsync(method, request, options, cancellationToken))
        {
            // statuscodes.md: "response cardinality violation".
            if (response is not null)
                throw new RpcException(RpcStatusCode.Unimplemented, $"{method.Path} answered with more than one message");
            response = message;
        }
        return response ?? throw new RpcException(RpcStatusCode.Unimplemented, $"{method.Path} answered without a message");
    }

    private async IAsyncEnumerable<TResponse> ReceiveAsync<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, TRequest request, RpcCallOptions? options, [EnumeratorCancellation] CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        using var call = new ClientCall(_http, _address, _options, options ?? new(), cancellationToken);
        await call.SendAsync(method.Path, request);
        while (await call.ReadAsync(method.ResponseParser) is { } message)
            yield return message;
    }
}
