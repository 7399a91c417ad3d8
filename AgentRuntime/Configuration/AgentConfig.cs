using AgentKernel.AgentRuntime.Bus;

namespace AgentKernel.AgentRuntime.Configuration;

/// <summary>What one agent was started with: the kernel's keys and its own, checked and with defaults applied.</summary>
internal sealed record AgentConfig
{
    public required string AgentId { get; init; }
    /// <summary>The channel token. Never logged, shown or handed to tools.</summary>
    public required string ChannelToken { get; init; }
    public required string Name { get; init; }
    public required string AgentType { get; init; }
    public required AgentEndpoint Endpoint { get; init; }
    public required TransportFormat TransportFormat { get; init; }
    public required ModelSettings Model { get; init; }
    public required string SystemPrompt { get; init; }
    public required IReadOnlyList<string> Tools { get; init; }
    /// <summary>The folder of the agent's image; null for none.</summary>
    public required string? ImagePath { get; init; }
    /// <summary>A program to run in the workspace before the agent is ready; null for none.</summary>
    public required byte[]? SetupScript { get; init; }
    /// <summary>How many model calls one turn may take.</summary>
    public required int MaxSteps { get; init; }

    /// <summary>Null where the agent has no bus.</summary>
    public required BusSettings? Bus { get; init; }

    /// <summary>What must never leave the agent.</summary>
    public IReadOnlyCollection<string> Secrets => [ChannelToken, .. new[] { Model.ApiKey, Bus?.Token }.OfType<string>()];

    // A record prints its members; this one holds secrets.
    public override string ToString() => $"{Name} ({AgentId})";
}

/// <summary>Where the agent listens.</summary>
internal abstract record AgentEndpoint;
internal sealed record UnixSocketEndpoint(string Path) : AgentEndpoint;
/// <summary>On 127.0.0.1. Port 0 lets the system choose; the choice is printed on stderr.</summary>
internal sealed record LoopbackEndpoint(int Port) : AgentEndpoint;

/// <summary>The vendor format of the turns' bodies.</summary>
internal enum TransportFormat { Anthropic, OpenAI }

/// <summary>How much a model may think before it answers.</summary>
internal enum ThinkingLevel { None, Low, Medium, High }

/// <summary>Which model answers, and how it is reached.</summary>
internal sealed record ModelSettings
{
    public required string Provider { get; init; }
    public required string Model { get; init; }
    public required ThinkingLevel Thinking { get; init; }
    /// <summary>Null where none was given: such an agent starts, and refuses turns.</summary>
    public required string? ApiKey { get; init; }
    /// <summary>An absolute URL; null for the provider's own.</summary>
    public required string? BaseUrl { get; init; }
    /// <summary>For demonstrations: how long the scripted provider waits between words.</summary>
    public required TimeSpan ScriptedDelay { get; init; }

    // A record prints its members; this one holds a key.
    public override string ToString() => $"{Provider}/{Model}";
}

/// <summary>The agent cannot be started with this configuration. The message names the key and what it may be.</summary>
internal sealed class ConfigException(string message) : Exception(message);
