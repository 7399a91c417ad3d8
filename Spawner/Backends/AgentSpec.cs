using System.Text.Json.Nodes;
using AgentKernel.Contracts.V1;
using AgentKernel.Spawner.AgentTypes;
using Google.Protobuf.WellKnownTypes;

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

    /// <summary>Its share of its team: what a backend that can holds it to.</summary>
    public Resources Resources { get; init; } = new();

    public string TeamId { get; init; } = "";

    /// <summary>What all agents of its team may have together, where that is bounded.</summary>
    public Resources TeamResources { get; init; } = new();

    /// <summary>What it may reach, on backends that isolate.</summary>
    public NetworkAccess Network { get; init; } = new();

    /// <summary>The model that it may reach and with which key, for backends that keep the key to themselves.</summary>
    public ModelAccess? ModelAccess { get; init; }

    /// <summary>The image as a read-only folder on this machine; null for none, and on remote backends.</summary>
    public string? ImagePath { get; init; }

    /// <summary>The image's reference in a registry, for remote backends; null for none.</summary>
    public string? ImageReference { get; init; }

    /// <summary>Labels from the request.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>The backend's own settings: the team's, and over them the agent's.</summary>
    public Struct BackendConfig { get; init; } = new();

    /// <summary>How long it may live at most, where that is bounded.</summary>
    public TimeSpan? MaxLifetime { get; init; }

    /// <summary>How long it may take to be ready.</summary>
    public required TimeSpan StartTimeout { get; init; }

    // A record prints its members; this one holds keys.
    public override string ToString() => $"{Name} ({AgentId})";
}
