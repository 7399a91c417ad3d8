using System.Collections.Concurrent;
using AgentKernel.AgentGateway.Agents;
using AgentKernel.AgentGateway.Telemetry;
using AgentKernel.Rpc;

namespace AgentKernel.AgentGateway.Turns;

/// <summary>
/// All turns that run, and the one clock that watches them: a turn only writes down when its last event came, and this
/// looks at it now and then. Ends all of them when the application stops.
/// </summary>
internal sealed class RunningTurns : IDisposable
{
    /// <summary>How long an agent may keep its stream open after its last event.</summary>
    private static readonly TimeSpan ClosingTime = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<RunningTurn, AgentConnection> _turns = [];
    private readonly AgentGatewayOptions _options;
    private readonly ActivityReporter _activity;
    private readonly TimeProvider _time;
    private readonly ITimer _clock;
    private readonly CancellationTokenRegistration _stopping;
    private readonly CancellationToken _applicationStopping;

    public RunningTurns(AgentGatewayOptions options, ActivityReporter activity, TimeProvider time, IHostApplicationLifetime lifetime)
    {
        (_options, _activity, _time, _applicationStopping) = (options, activity, time, lifetime.ApplicationStopping);
        var period = Period(options);
        _clock = time.CreateTimer(_ => OnClock(), null, period, period);
        _stopping = lifetime.ApplicationStopping.Register(() => StopAll(TurnEnding.Stopping));
    }

    /// <summary>Begins a turn, if the agent has none.</summary>
    /// <exception cref="RpcException">Aborted: it has one. FailedPrecondition: it has ended. Unavailable: the gateway is stopping.</exception>
    public async ValueTask<RunningTurn> BeginAsync(AgentConnection agent, CancellationToken cancellationToken)
    {
        var turn = new RunningTurn(agent.AgentId, _time.GetTimestamp());
        while (!agent.TryBegin(turn))
        {
            switch (agent.RunningTurn)
            {
                case null:
                    break;
                case { Ending: TurnEnding.None }:
                    throw new RpcException(RpcStatusCode.Aborted, "the agent has a turn running; wait for its end, or cancel it");
                // A turn whose last event is sent is over for its caller, who may well be the one that asks for the
                // next; the agent only has to close the stream.
                case var closing:
                    await closing.Released.WaitAsync(cancellationToken);
                    break;
            }
        }

        _turns[turn] = agent;
        turn.Span = GatewayTelemetry.BeginTurn(agent);
        _activity.Note(agent.AgentId, turnRunning: true);
        if (_applicationStopping.IsCancellationRequested || agent.Ended.IsCancellationRequested)
        {
            var reason = agent.Ended.IsCancellationRequested ? TurnEnding.AgentEnded : TurnEnding.Stopping;
            turn.End(reason);
            Release(turn);
            throw reason.ToException(_options);
        }

        return turn;
    }

    /// <summary>The turn is over and nothing is open to the agent any more.</summary>
    public void Release(RunningTurn turn)
    {
        if (!_turns.TryRemove(turn, out var agent))
        {
            return;
        }

        GatewayTelemetry.EndTurn(turn.Span, turn.Ending, _time.GetElapsedTime(turn.StartedAt));
        agent.Release(turn);
        _activity.Note(turn.AgentId, turnRunning: false);
        turn.Release();
    }

    public void Dispose()
    {
        _stopping.Dispose();
        _clock.Dispose();
        StopAll(TurnEnding.Stopping);
    }

    private static TimeSpan Period(AgentGatewayOptions options)
    {
        var shortest = new[] { options.Heartbeat, options.TurnIdleTimeout, options.TurnTimeout ?? TimeSpan.MaxValue }.Min() / 4;
        return TimeSpan.FromMilliseconds(Math.Clamp(shortest.TotalMilliseconds, 10, 1000));
    }

    private void OnClock()
    {
        var now = _time.GetTimestamp();
        foreach (var (turn, _) in _turns)
        {
            var silence = _time.GetElapsedTime(turn.LastEvent, now);
            if (turn.Ending != TurnEnding.None)
            {
                if (silence >= ClosingTime)
                {
                    turn.CutOff();
                }
            }
            else if (_options.TurnTimeout is { } limit && _time.GetElapsedTime(turn.StartedAt, now) >= limit)
            {
                turn.Stop(TurnEnding.TooLong);
            }
            else if (silence >= _options.TurnIdleTimeout)
            {
                turn.Stop(TurnEnding.Idle);
            }
            else
            {
                turn.OnClock?.Invoke(now);
            }
        }
    }

    private void StopAll(TurnEnding reason)
    {
        foreach (var (turn, _) in _turns)
        {
            turn.Stop(reason);
        }
    }
}
