using AgentKernel.Contracts.V1;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Teams;

namespace AgentKernel.Spawner.Agents;

/// <summary>An agent that the supervisor looks after: its latest record, and what holds it.</summary>
internal sealed class SupervisedAgent(AgentRecord record, TeamLease? lease)
{
    /// <summary>The latest record; replaced, never changed, by the supervisor alone.</summary>
    public AgentRecord Record { get; set; } = record;

    /// <summary>Its share of the team; null for one that had ended before this kernel began.</summary>
    public TeamLease? Lease { get; } = lease;

    /// <summary>Null while it starts; kept after its end, for its log, until its record is dropped.</summary>
    public IAgentHandle? Handle { get; set; }

    /// <summary>What ends it by the clock; null while it does not run.</summary>
    public LifeTimers? Timers { get; set; }

    /// <summary>Cancels a start that is under way.</summary>
    public CancellationTokenSource Start { get; } = new();

    /// <summary>Why someone asked for its end; null where nobody did.</summary>
    public string? StopReason { get; set; }

    /// <summary>Whether its own limits in time, which nobody waits for, are why.</summary>
    public bool EndedByClock { get; set; }

    /// <summary>Completes when it has ended, or its start has failed, and all it held is given back.</summary>
    public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Cancels the time for which its record stays after its end.</summary>
    public CancellationTokenSource Retention { get; } = new();

    public Agent ToMessage() =>
        Record.ToMessage(Record.State is AgentState.Idle or AgentState.Running && Handle is { Completion.IsCompleted: false } handle ? handle.Status : null);
}
