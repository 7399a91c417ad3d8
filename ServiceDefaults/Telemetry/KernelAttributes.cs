namespace AgentKernel.ServiceDefaults.Telemetry;

/// <summary>The kernel's own attributes on spans and metrics, where no convention has a name.</summary>
public static class KernelAttributes
{
    /// <summary>The backend that runs an agent: <c>local</c>, <c>bwrap</c>, ….</summary>
    public const string Backend = "agentkernel.backend";

    /// <summary>How an agent was started: <c>cold</c>, or <c>warm</c> from a pool.</summary>
    public const string SpawnPath = "agentkernel.spawn.path";

    /// <summary>The agent type that the spawn request named.</summary>
    public const string AgentType = "agentkernel.agent.type";

    /// <summary>The state on an agent's record, in lower case.</summary>
    public const string AgentState = "agentkernel.agent.state";

    /// <summary>A team's id; empty for agents without one.</summary>
    public const string Team = "agentkernel.team.id";

    /// <summary>What a team reserves: <c>cpu</c>, <c>memory</c>, <c>agents</c>, <c>pids</c>, <c>disk</c>.</summary>
    public const string Resource = "agentkernel.resource";

    /// <summary>How a turn ended: <c>done</c>, <c>cancelled</c>, <c>idle</c>, ….</summary>
    public const string Ending = "agentkernel.turn.ending";

    /// <summary>The status code with which a call was refused, in lower case with underscores.</summary>
    public const string Reason = "agentkernel.refusal.reason";
}
