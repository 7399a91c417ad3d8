using System.Diagnostics;
using System.Diagnostics.Metrics;
using AgentKernel.AgentGateway.Agents;
using AgentKernel.AgentGateway.Turns;
using AgentKernel.Rpc;
using AgentKernel.Rpc.Connect;
using AgentKernel.ServiceDefaults.Telemetry;

namespace AgentKernel.AgentGateway.Telemetry;

/// <summary>A span and the figures of each turn, whatever the agent type: what the agent itself tells comes beneath it.</summary>
internal static class GatewayTelemetry
{
    private const string Name = "AgentKernel.AgentGateway";
    private static readonly double[] Milliseconds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60];

    private static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);
    private static readonly UpDownCounter<long> Running = Meter.CreateUpDownCounter<long>("agentkernel.turns.running", "{turn}", "Turns that run.");
    private static readonly Histogram<double> FirstEvent = Meter.CreateHistogram(
        "agentkernel.turn.time_to_first_event", GenAi.Seconds, "From the call to the agent's first event.", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Milliseconds });
    private static readonly Histogram<double> Duration = Meter.CreateHistogram(
        "agentkernel.turn.duration", GenAi.Seconds, "From the call to the end of the turn.", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = GenAi.DurationBuckets });
    private static readonly Counter<long> Events = Meter.CreateCounter<long>("agentkernel.turn.events", "{event}", "Events that agents sent.");
    private static readonly Counter<long> Bytes = Meter.CreateCounter<long>("agentkernel.turn.bytes", "By", "Bytes of events that agents sent.");
    private static readonly Counter<long> Refusals = Meter.CreateCounter<long>("agentkernel.refusals", "{call}", "Calls that ended with an error status, by reason.");

    /// <summary>Begins the span of a turn; it is the current one until the caller's method returns.</summary>
    public static Activity? BeginTurn(AgentConnection agent)
    {
        Running.Add(1);
        var span = Source.StartActivity($"{GenAi.InvokeAgent} {agent.Name}", ActivityKind.Client);
        if (span is { IsAllDataRequested: true })
        {
            span.SetTag(GenAi.OperationName, GenAi.InvokeAgent)
                .SetTag(GenAi.AgentId, agent.AgentId)
                .SetTag(GenAi.AgentName, agent.Name)
                .SetTag(GenAi.ConversationId, agent.AgentId) // an agent has one conversation
                .SetTag(KernelAttributes.AgentType, agent.AgentType);
        }

        return span;
    }

    public static void Block(int events, int bytes)
    {
        Events.Add(events);
        Bytes.Add(bytes);
    }

    public static void FirstEventAfter(TimeSpan elapsed) => FirstEvent.Record(elapsed.TotalSeconds);

    public static void EndTurn(Activity? span, TurnEnding ending, TimeSpan elapsed)
    {
        var name = NameOf(ending);
        Running.Add(-1);
        Duration.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>(KernelAttributes.Ending, name));
        if (span is null)
        {
            return;
        }

        span.SetTag(KernelAttributes.Ending, name);
        if (ending is not TurnEnding.Done)
        {
            span.SetTag(GenAi.ErrorType, name).SetStatus(ActivityStatusCode.Error);
        }

        span.Dispose();
    }

    public static void Refused(RpcStatusCode code, string route)
    {
        if (Refusals.Enabled)
        {
            Refusals.Add(1, new(KernelAttributes.Reason, ConnectStatus.NameOf(code)), new("http.route", route));
        }
    }

    private static string NameOf(TurnEnding ending) => ending switch
    {
        TurnEnding.Done => "done",
        TurnEnding.Cancelled => "cancelled",
        TurnEnding.CallerGone => "caller_gone",
        TurnEnding.AgentEnded => "agent_ended",
        TurnEnding.BrokenOff => "broken_off",
        TurnEnding.BadEvent => "bad_event",
        TurnEnding.Idle => "idle",
        TurnEnding.TooLong => "too_long",
        TurnEnding.Stopping => "stopping",
        TurnEnding.Refused => "refused",
        _ => "none",
    };
}
