using AgentKernel.AgentRuntime.Conversation;
using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentRuntime.Bus;

/// <summary>
/// Appends entries in their order, in the background. While the bus cannot be reached they wait; what wants an answer
/// (<see cref="AppendAsync"/>) goes behind them, so that the log never has a hole before it.
/// </summary>
internal sealed class Outbox(IAgentBus bus) : IAsyncDisposable
{
    /// <summary>What may wait for a bus that cannot be reached.</summary>
    private const int MaxWaitingBytes = 64 * 1024 * 1024;

    private static readonly TimeSpan s_lastTry = TimeSpan.FromSeconds(1);

    private readonly Lock _queueing = new();
    private readonly Queue<Payload> _waiting = new();
    private readonly SemaphoreSlim _sending = new(1);
    private readonly CancellationTokenSource _closing = new();
    private Task _background = Task.CompletedTask;
    private bool _isRunning;
    private int _waitingBytes;

    /// <exception cref="TurnFailedException">So much waits already that nothing more should be begun.</exception>
    public void ThrowIfFull()
    {
        lock (_queueing)
        {
            if (_waitingBytes > MaxWaitingBytes)
            {
                throw new TurnFailedException("the agent bus has not been reached for so long that the agent can keep no more for it");
            }
        }
    }

    /// <summary>Appends an entry soon.</summary>
    public void Add(Payload payload)
    {
        lock (_queueing)
        {
            _waiting.Enqueue(payload);
            _waitingBytes += payload.CalculateSize();
            if (!_isRunning)
            {
                _isRunning = true;
                _background = SendInBackgroundAsync();
            }
        }
    }

    /// <summary>Appends what waits, and then this entry, which does not wait: it fails where the bus cannot be reached.</summary>
    /// <returns>Its position.</returns>
    /// <exception cref="BusException">It was not appended, as far as is known.</exception>
    public async Task<long> AppendAsync(Payload payload, CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken);
        try
        {
            await SendWaitingAsync(cancellationToken);
            return await bus.AppendAsync(payload, cancellationToken);
        }
        finally
        {
            _sending.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _closing.CancelAfter(s_lastTry);
        await _background;
        _closing.Dispose();
        _sending.Dispose();
    }

    private async Task SendInBackgroundAsync()
    {
        await Task.Yield();
        try
        {
            do
            {
                await _sending.WaitAsync(_closing.Token);
                try
                {
                    await SendWaitingAsync(_closing.Token);
                }
                finally
                {
                    _sending.Release();
                }
            }
            while (!StopsRunning());
        }
        catch (Exception e) when (e is BusException or OperationCanceledException)
        {
            // The next entry brings the next try.
            Diagnostics.Write($"the agent bus does not take entries: {e.Message}");
            lock (_queueing)
            {
                _isRunning = false;
            }
        }
    }

    private bool StopsRunning()
    {
        lock (_queueing)
        {
            _isRunning = _waiting.Count > 0;
            return !_isRunning;
        }
    }

    private async Task SendWaitingAsync(CancellationToken cancellationToken)
    {
        while (Peek() is { } payload)
        {
            try
            {
                await bus.AppendAsync(payload, cancellationToken);
            }
            catch (BusException e) when (e.IsEntryRefused)
            {
                Diagnostics.Write($"the agent bus refuses an entry ({payload.PayloadCase}), which is left out: {e.Message}");
            }

            lock (_queueing)
            {
                _waiting.Dequeue();
                _waitingBytes -= payload.CalculateSize();
            }
        }
    }

    private Payload? Peek()
    {
        lock (_queueing)
        {
            return _waiting.TryPeek(out var payload) ? payload : null;
        }
    }
}
