using System.Globalization;

namespace AgentKernel.Spawner.Agents;

/// <summary>What ends a running agent by the clock: the time it may be without a turn, and the time it may live.</summary>
internal sealed class LifeTimers : IDisposable
{
    private readonly TimeSpan _idleTimeout;
    private readonly ITimer? _idle;
    private readonly ITimer? _lifetime;

    /// <param name="end">Told why; on a thread of the clock's.</param>
    public LifeTimers(AgentRecord record, TimeProvider time, Action<string> endIdle, Action<string> end)
    {
        if (record.IdleTimeout is { } idle)
        {
            _idleTimeout = idle;
            _idle = time.CreateTimer(_ => endIdle($"it ran no turn for its idle_timeout of {Seconds(idle)}"), null, idle, Timeout.InfiniteTimeSpan);
        }

        if (record is { MaxLifetime: { } most, ReadyAt: { } ready })
        {
            var left = ready + most - time.GetUtcNow();
            _lifetime = time.CreateTimer(_ => end($"it reached its max_lifetime of {Seconds(most)}"), null, left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>A turn has begun or ended.</summary>
    public void Note(bool turnRunning) => _idle?.Change(turnRunning ? Timeout.InfiniteTimeSpan : _idleTimeout, Timeout.InfiniteTimeSpan);

    public void Dispose()
    {
        _idle?.Dispose();
        _lifetime?.Dispose();
    }

    private static string Seconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.###} s");
}
