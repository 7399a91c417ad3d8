namespace AgentKernel.AgentBus.Log;

/// <summary>The tail of a log, and those who wait for it to move.</summary>
internal sealed class TailSignal(long tail) : IDisposable
{
    private readonly Lock _lock = new();
    private long _tail = tail;
    private TaskCompletionSource? _moved;
    private bool _closed;

    public long Tail => Volatile.Read(ref _tail);

    /// <summary>Moves the tail forward and wakes whoever waits.</summary>
    public void MoveTo(long tail)
    {
        TaskCompletionSource? moved;
        lock (_lock)
        {
            Volatile.Write(ref _tail, tail);
            (moved, _moved) = (_moved, null);
        }

        moved?.SetResult();
    }

    public async Task WaitBeyondAsync(long position, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task moved;
            lock (_lock)
            {
                ObjectDisposedException.ThrowIf(_closed, typeof(IBusLog));
                if (_tail > position)
                {
                    return;
                }

                // Whoever waits goes on elsewhere: the one who moves the tail has others to serve.
                moved = (_moved ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            await moved.WaitAsync(cancellationToken);
        }
    }

    public void Dispose()
    {
        TaskCompletionSource? moved;
        lock (_lock)
        {
            _closed = true;
            (moved, _moved) = (_moved, null);
        }

        moved?.SetResult();
    }
}
