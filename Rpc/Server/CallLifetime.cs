namespace AgentKernel.Rpc.Server;

/// <summary>
/// How long a call may run: until its caller goes away or its deadline passes. Used on both sides of the wire.
/// </summary>
internal sealed class CallLifetime : IDisposable
{
    /// <summary>The longest time that a <see cref="CancellationTokenSource"/> takes.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    private readonly CancellationToken _callerGone;
    private readonly CancellationTokenSource? _deadline;
    private readonly CancellationTokenSource? _either;

    public CallLifetime(TimeSpan? timeout, TimeProvider clock, CancellationToken callerGone)
    {
        _callerGone = callerGone;
        Token = callerGone;
        if (timeout is not { } time)
            return;
        time = time < TimeSpan.Zero ? TimeSpan.Zero : time < Longest ? time : Longest;
        Deadline = clock.GetUtcNow() + time;
        _deadline = new CancellationTokenSource(time, clock);
        _either = CancellationTokenSource.CreateLinkedTokenSource(callerGone, _deadline.Token);
        Token = _either.Token;
    }

    public CancellationToken Token { get; }

    public DateTimeOffset? Deadline { get; }

    public bool CallerGone => _callerGone.IsCancellationRequested;

    public bool DeadlinePassed => _deadline is { IsCancellationRequested: true };

    public void Dispose()
    {
        _either?.Dispose();
        _deadline?.Dispose();
    }
}
