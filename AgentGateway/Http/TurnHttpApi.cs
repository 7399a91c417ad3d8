using AgentKernel.AgentGateway.Turns;

namespace AgentKernel.AgentGateway.Http;

/// <summary>Turns over HTTP: the agent's events are passed on as they came.</summary>
internal sealed partial class TurnHttpApi(TurnOpener turns, AgentGatewayOptions options, TimeProvider time, ILogger<TurnHttpApi> logger)
{
    public async Task TurnAsync(HttpContext http)
    {
        var failure = await HttpErrors.GuardAsync(http, async () =>
        {
            await using var stream = await OpenAsync(http);
            using var scope = AgentScope(logger, stream.Turn.AgentId);
            LogBegan();
            await CopyAsync(http, stream);
        });
        if (failure is not null)
        {
            LogFailure(failure);
        }
    }

    public async Task CancelAsync(HttpContext http)
    {
        var failure = await HttpErrors.GuardAsync(http, async () =>
        {
            using var body = await RequestBody.ReadAsync(http, options.MaxRequestBytes);
            var envelope = Envelope.Of(body.Bytes);
            var cancelled = await turns.CancelAsync(envelope.AgentId, PresentedNonce.Of(http, envelope.Nonce), http.RequestAborted);
            http.Response.ContentType = "application/json";
            await http.Response.WriteAsync(cancelled ? """{"cancelled":true}""" : """{"cancelled":false}""", http.RequestAborted);
        });
        if (failure is not null)
        {
            LogFailure(failure);
        }
    }

    private async Task<AgentEventStream> OpenAsync(HttpContext http)
    {
        // Not given back to the pool when this fails: what was sending it may not have let go yet.
        var body = await RequestBody.ReadAsync(http, options.MaxRequestBytes);
        var envelope = Envelope.OfTurn(body.Bytes);
        var stream = await turns.OpenAsync(envelope.AgentId, PresentedNonce.Of(http, envelope.Nonce), envelope.Content, http.RequestAborted);
        body.Dispose();
        return stream;
    }

    private async Task CopyAsync(HttpContext http, AgentEventStream stream)
    {
        var turn = stream.Turn;
        var writer = new EventStreamWriter(http.Response, options.Heartbeat, time);
        try
        {
            // Headers travel with the first events where those are there already.
            var next = stream.ReadAsync();
            if (next.IsCompleted)
            {
                EventStreamWriter.SetHeaders(http.Response);
            }
            else
            {
                await EventStreamWriter.StartAsync(http.Response, CancellationToken.None);
            }

            turn.OnClock = writer.OnClock;
            while (await next is { IsEmpty: false } events)
            {
                await writer.WriteAsync(events, turn.Stopped);
                next = stream.ReadAsync();
            }
        }
        catch (OperationCanceledException) when (turn.Stopped.IsCancellationRequested)
        {
            // Stopped while the caller was slow to read; what it is told is the same.
        }
        finally
        {
            turn.OnClock = null;
            await writer.CloseAsync();
        }

        // First the agent, so that a caller who has read the end can begin the next turn at once.
        await stream.DisposeAsync();
        if (turn.Ending != TurnEnding.Done)
        {
            var elapsed = time.GetElapsedTime(turn.StartedAt);
            LogEnded(turn.Ending, elapsed);
        }

        if (turn.Ending is not (TurnEnding.Done or TurnEnding.CallerGone))
        {
            await http.Response.BodyWriter.WriteAsync(turn.Ending.ToEvents(options), http.RequestAborted);
        }
    }

    private static readonly Func<ILogger, string, IDisposable?> AgentScope = LoggerMessage.DefineScope<string>("agent {AgentId}");

    [LoggerMessage(Level = LogLevel.Debug, Message = "A turn began.")]
    private partial void LogBegan();

    [LoggerMessage(Level = LogLevel.Information, Message = "A turn ended with {Ending} after {Elapsed}.")]
    private partial void LogEnded(TurnEnding ending, TimeSpan elapsed);

    [LoggerMessage(Level = LogLevel.Error, Message = "A turn failed; the caller was told 'internal error'.")]
    private partial void LogFailure(Exception exception);
}
