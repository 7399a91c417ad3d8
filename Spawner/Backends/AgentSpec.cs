using System.Text.Json.Nodes;
using AgentKernel.Spawner.AgentTypes;

namespace AgentKernel.Spawner.Backends;

/// <summary>All that a backend needs to start an agent.</summary>
internal sealed record AgentSpec
{
    public required string AgentId { get; init; }

    public required string Name { get; init; }

    public required AgentType Type { get; init; }

    /// <summary>The agent's own folder on this machine: made by the caller, who also removes it after the end.</summary>
    public required string Folder { get; init; }

    /// <summary>The document for <c>--config</c>, complete but for where to listen, which the backend adds.</summary>
    public required JsonObject Config { get; init; }

    /// <summary>What the spawn request adds to the environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Strings that must not appear in anything shown: keys and tokens that the agent was given.</summary>
    public IReadOnlyCollection<string> Secrets { get; init; } = [];

    /// <summary>How long it may take to be ready.</summary>
    public required TimeSpan StartTimeout { get; init; }
}
