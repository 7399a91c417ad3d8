using System.Diagnostics;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace AgentKernel.Rpc.Server;

/// <summary>
/// Runs the calls of one method, in whichever protocol they come. Every handler looks like a stream here; a unary
/// one is a stream of one message.
/// </summary>
internal sealed partial class MethodEndpoint<TRequest, TResponse>(
    RpcMethod<TRequest, TResponse> method,
    ServerStreamingHandler<TRequest, TResponse> handler,
    int maxRequestBytes,
    TimeProvider clock,
    ILogger logger,
    CancellationToken stopping)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    private readonly bool _streams = method is ServerStreamingMethod<TRequest, TResponse>;
    private readonly MessageCodec<TRequest> _requests = new(method.RequestParser);
    private readonly MessageCodec<TResponse> _responses = new(method.ResponseParser);

    public async Task InvokeAsync(HttpContext http)
    {
        if (await WireProtocol.OpenAsync(http, _streams) is not { } call)
            return;
        // The limit on messages is ours, and it answers in the caller's protocol.
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;

        var span = Activity.Current;
        RpcTelemetry.Began(method.Path);
        await using var stoppingWatch = new StoppingWatch(http, clock, stopping);
        var trailers = new RpcMetadata();
        CallLifetime? lifetime = null;
        IAsyncEnumerator<TResponse>? responses = null;
        var next = Task.FromResult(false);
        CallStatus status;
        try
        {
            lifetime = new CallLifetime(call.ReadTimeout(), clock, http.RequestAborted);
            var request = await call.ReadRequestAsync(_requests, maxRequestBytes, lifetime.Token);
            // A handler may take its time, and must not take that of the thread that waits for sockets.
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            responses = handler(request, new RpcContext(http, method.Path, lifetime, trailers)).GetAsyncEnumerator(lifetime.Token);
            // The deadline ends the wait even when the handler does not look at its token.
            while (await (next = responses.MoveNextAsync().AsTask()).WaitAsync(lifetime.Token))
            {
                lifetime.Token.ThrowIfCancellationRequested();
                stoppingWatch.WriteBegins();
                await call.WriteAsync(responses.Current, _responses, lifetime.Token);
                stoppingWatch.WriteEnded();
            }
            status = CallStatus.Ok;
        }
        catch (Exception e)
        {
            status = CallStatus.Of(e, lifetime);
            if (status.Code == RpcStatusCode.Internal && e is not RpcException && !(http.RequestAborted.IsCancellationRequested && e is OperationCanceledException or IOException))
                LogFailure(e, method.Path);
        }

        RpcTelemetry.Ended(span, method.Path, status.Code);
        var abandoned = !next.IsCompleted;
        try
        {
            stoppingWatch.WriteBegins();
            if (!http.RequestAborted.IsCancellationRequested)
                await call.CompleteAsync(status, abandoned ? [] : trailers);
        }
        finally
        {
            stoppingWatch.WriteEnded();
            await LetGoAsync(responses, abandoned ? next : null);
            lifetime?.Dispose();
        }
    }

    /// <summary>
    /// Waits for a handler that has not come back yet, although the caller has its answer or is gone: the request
    /// must not end under it, and its failure must be seen.
    /// </summary>
    private async Task LetGoAsync(IAsyncEnumerator<TResponse>? responses, Task<bool>? abandoned)
    {
        try
        {
            if (abandoned is not null)
                await abandoned;
        }
        catch (Exception e) when (e is OperationCanceledException or RpcException)
        {
            // What a handler does that was told to stop.
        }
        catch (Exception e)
        {
            LogFailure(e, method.Path);
        }
        try
        {
            if (responses is not null)
                await responses.DisposeAsync();
        }
        catch (Exception e)
        {
            LogFailure(e, method.Path);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The call to {Method} failed in its handler; the caller was told 'internal error'.")]
    private partial void LogFailure(Exception exception, string method);
}
