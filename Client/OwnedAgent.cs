using AgentKernel.Contracts.V1;

namespace AgentKernel.Client;

/// <summary>
/// An agent and the nonce that makes its holder the owner. Keep the nonce as you would a password: it is shown once,
/// and whoever has it can talk to the agent and end it.
/// </summary>
/// <param name="Agent">The agent's record as it was when it became ready.</param>
/// <param name="Nonce">The secret that calls on this agent present.</param>
public sealed record OwnedAgent(Agent Agent, string Nonce)
{
    /// <summary>The agent's id.</summary>
    public string Id => Agent.Id;

    /// <summary>The agent's name and id; never the nonce.</summary>
    public override string ToString() => $"{Agent.Name} ({Agent.Id})";
}
