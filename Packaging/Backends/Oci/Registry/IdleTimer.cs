namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>Cancels an exchange when nothing has moved for a while; every byte that does starts the wait again.</summary>
internal sealed class IdleTimer : IDisposable
{
    private readonly CancellationTokenSource _expired;
    private readonly CancellationTokenSource _linked;

    public IdleTimer(TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        Limit = limit;
        _expired = new(limit, time);
        _linked = CancellationTokenSource.CreateLinkedTokenSource(_expired.Token, cancellationToken);
    }

    public TimeSpan Limit { get; }

    public CancellationToken Token => _linked.Token;

    public bool HasExpired => _expired.IsCancellationRequested;

    public void Restart() => _expired.CancelAfter(Limit);

    public void Dispose()
    {
        _linked.Dispose();
        _expired.Dispose();
    }
}
