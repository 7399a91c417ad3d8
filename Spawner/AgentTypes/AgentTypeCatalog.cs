using AgentKernel.Rpc;

namespace AgentKernel.Spawner.AgentTypes;

/// <summary>The agent types of this kernel: the reference agent and those of the configuration.</summary>
internal sealed class AgentTypeCatalog(SpawnerOptions options)
{
    private readonly Dictionary<string, AgentType> _types =
        options.AgentTypes.Append(OpenClaw.Type(options.RuntimeProgram)).ToDictionary(type => type.Name, StringComparer.Ordinal);

    /// <summary>The type of this name; null where there is none.</summary>
    public AgentType? Known(string name) => _types.GetValueOrDefault(name);

    /// <summary>The type that a request names; the reference agent where it names none.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT, with the names there are.</exception>
    public AgentType Find(string name) => Known(name.Length > 0 ? name : OpenClaw.Name) ?? throw new RpcException(
        RpcStatusCode.InvalidArgument,
        $"agent_type: there is no agent type '{name}'; this kernel has {string.Join(", ", _types.Keys.Order(StringComparer.Ordinal))}");
}
