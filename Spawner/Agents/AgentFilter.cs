using AgentKernel.Contracts.V1;

namespace AgentKernel.Spawner.Agents;

/// <summary>Which agents a caller asks for.</summary>
/// <param name="TeamId">Null: every team. Empty: the default team.</param>
/// <param name="Metadata">Labels that an agent must all carry.</param>
/// <param name="LiveOnly">Leaves out those that have ended.</param>
internal sealed record AgentFilter(string? TeamId, IReadOnlyDictionary<string, string> Metadata, bool LiveOnly)
{
    public static readonly AgentFilter All = new(null, new Dictionary<string, string>(), LiveOnly: false);

    public bool Matches(Agent agent) =>
        (TeamId is null || agent.TeamId == TeamId)
        && (!LiveOnly || agent.State is not (AgentState.Stopped or AgentState.Failed))
        && Metadata.All(label => agent.Metadata.TryGetValue(label.Key, out var value) && value == label.Value);
}
