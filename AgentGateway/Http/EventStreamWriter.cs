using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace AgentKernel.AgentGateway.Http;

/// <summary>
/// Writes whole events to the caller, each on its way when the write returns, and comments into the silence between
/// them. The two never mix: a comment finds the gate closed while events are written, and is not needed then.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The clock may still try the gate when the turn is over, and without a wait handle it holds nothing.")]
internal sealed class EventStreamWriter(HttpResponse response, TimeSpan heartbeat, TimeProvider time)
{
    private static readonly ReadOnlyMemory<byte> KeepAlive = ": keep-alive\n\n"u8.ToArray();

    private readonly SemaphoreSlim _gate = new(1, 1);
    private long _lastWrite = time.GetTimestamp();
    private bool _closed;

    /// <summary>Sends the headers, so that the caller knows that its turn runs.</summary>
    public static async Task StartAsync(HttpResponse response, CancellationToken cancellationToken)
    {
        SetHeaders(response);
        await response.StartAsync(cancellationToken);
        await response.BodyWriter.FlushAsync(cancellationToken);
    }

    public static void SetHeaders(HttpResponse response)
    {
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
    }

    /// <summary>Writes and flushes.</summary>
    /// <exception cref="OperationCanceledException">The turn was stopped while the caller was slow to read. What was written will still be sent.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> events, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            await response.BodyWriter.WriteAsync(events, cancellationToken);
            Volatile.Write(ref _lastWrite, time.GetTimestamp());
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Called by the clock: sends a comment when nothing was sent for long enough.</summary>
    public void OnClock(long now)
    {
        if (time.GetElapsedTime(Volatile.Read(ref _lastWrite), now) >= heartbeat && _gate.Wait(0, CancellationToken.None))
        {
            // Ends by releasing the gate, for which CloseAsync waits: the response outlives it.
            _ = SendKeepAliveAsync();
        }
    }

    /// <summary>No comment is sent after this.</summary>
    public async Task CloseAsync()
    {
        await _gate.WaitAsync(CancellationToken.None);
        _closed = true;
        _gate.Release();
    }

    private async Task SendKeepAliveAsync()
    {
        try
        {
            if (!_closed)
            {
                await response.BodyWriter.WriteAsync(KeepAlive, response.HttpContext.RequestAborted);
                Volatile.Write(ref _lastWrite, time.GetTimestamp());
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The caller is gone, and the turn is told so by other means.
        }
        finally
        {
            _gate.Release();
        }
    }
}
