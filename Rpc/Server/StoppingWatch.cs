using Microsoft.AspNetCore.Http;

namespace AgentKernel.Rpc.Server;

/// <summary>
/// Aborts a call whose caller does not read while the server wants to stop: nothing else ends a write that waits for
/// it. What a handler waits for before it writes is the handler's own to end.
/// </summary>
internal sealed class StoppingWatch : IAsyncDisposable
{
    /// <summary>How long a write may then take; up to twice as long where it began later.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly HttpContext _http;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenRegistration _registration;
    private ITimer? _timer;
    private long _writes;
    private long _writing; // the number of the write that is under way; 0: none
    private long _seen;

    public StoppingWatch(HttpContext http, TimeProvider clock, CancellationToken stopping)
    {
        (_http, _clock) = (http, clock);
        _registration = stopping.UnsafeRegister(static watch => ((StoppingWatch)watch!).Begin(), this);
    }

    public void WriteBegins() => Volatile.Write(ref _writing, ++_writes);

    public void WriteEnded() => Volatile.Write(ref _writing, 0);

    /// <summary>When this has completed the request is not touched any more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _registration.DisposeAsync();
        if (_timer is not null)
            await _timer.DisposeAsync();
    }

    private void Begin()
    {
        _seen = Volatile.Read(ref _writing);
        _timer = _clock.CreateTimer(static watch => ((StoppingWatch)watch!).Look(), this, Patience, Patience);
    }

    private void Look()
    {
        var writing = Volatile.Read(ref _writing);
        if (writing != 0 && writing == _seen)
            _http.Abort();
        _seen = writing;
    }
}
