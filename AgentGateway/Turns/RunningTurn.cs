using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace AgentKernel.AgentGateway.Turns;

/// <summary>
/// What others need of a turn while it runs: to see how long it has been silent, and to stop it. Anyone may stop it, at
/// any time and more than once; the first reason stands.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The source has neither timer nor link, so nothing to let go of; and stopping a turn that has ended must be harmless.")]
internal sealed class RunningTurn(string agentId, long now)
{
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();
    private int _ending;
    private long _lastEvent = now;

    public string AgentId { get; } = agentId;

    public long StartedAt { get; } = now;

    /// <summary>What is told of the turn; null where nobody listens.</summary>
    public Activity? Span { get; set; }

    /// <summary>When the agent last sent an event, or the turn began.</summary>
    public long LastEvent
    {
        get => Volatile.Read(ref _lastEvent);
        set => Volatile.Write(ref _lastEvent, value);
    }

    public TurnEnding Ending => (TurnEnding)Volatile.Read(ref _ending);

    /// <summary>Fires when the turn is to stop. Not when it ends by itself.</summary>
    public CancellationToken Stopped => _stop.Token;

    /// <summary>Completes when the agent can take the next turn.</summary>
    public Task Released => _released.Task;

    /// <summary>Called by the one clock now and then, while the stream is open to the caller; see <see cref="Http.EventStreamWriter"/>.</summary>
    public Action<long>? OnClock { get; set; }

    /// <summary>The turn ended by itself. False: it was stopped before.</summary>
    public bool End(TurnEnding ending) => Interlocked.CompareExchange(ref _ending, (int)ending, (int)TurnEnding.None) == (int)TurnEnding.None;

    /// <summary>Stops the turn. False: it had ended.</summary>
    public bool Stop(TurnEnding reason)
    {
        if (!End(reason))
        {
            return false;
        }

        _stop.Cancel();
        return true;
    }

    /// <summary>The last event was sent, and the agent has had its time to close the stream.</summary>
    public void CutOff() => _stop.Cancel();

    public void Release() => _released.TrySetResult();
}
