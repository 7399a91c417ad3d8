using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;

namespace AgentKernel.Spawner.Teams;

/// <summary>An amount of each resource. Null: unlimited where it is a capacity, nothing where it is a share.</summary>
internal sealed record ResourceAmounts(double? Cpu, long? MemoryBytes, int? Agents)
{
    public static readonly ResourceAmounts None = new(0, 0, 0);

    /// <summary>An agent's share of its team: what it asks for, 1 cpu unless it says otherwise, and one place.</summary>
    public static ResourceAmounts ShareOf(Resources? requested) =>
        Checked(requested, "resources") with { Cpu = requested is { HasCpu: true } ? requested.Cpu : 1, Agents = 1 };

    /// <summary>Reads a request's resources.</summary>
    /// <exception cref="RpcException">An amount is negative or not a number; the message names its field.</exception>
    public static ResourceAmounts Checked(Resources? requested, string field)
    {
        if (requested is null)
        {
            return new(null, null, null);
        }

        if (requested.HasCpu && !(requested.Cpu >= 0 && double.IsFinite(requested.Cpu)))
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, $"{field}.cpu must be a number of cores, 0 or more");
        }

        if (requested is { HasMemoryBytes: true, MemoryBytes: < 0 })
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, $"{field}.memory_bytes must be 0 or more");
        }

        if (requested is { HasAgents: true, Agents: < 0 })
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, $"{field}.agents must be 0 or more");
        }

        return new(requested.HasCpu ? requested.Cpu : null, requested.HasMemoryBytes ? requested.MemoryBytes : null, requested.HasAgents ? requested.Agents : null);
    }

    public static ResourceAmounts operator +(ResourceAmounts left, ResourceAmounts right) => new(
        (left.Cpu ?? 0) + (right.Cpu ?? 0), (left.MemoryBytes ?? 0) + (right.MemoryBytes ?? 0), (left.Agents ?? 0) + (right.Agents ?? 0));

    public static ResourceAmounts operator -(ResourceAmounts left, ResourceAmounts right) => new(
        (left.Cpu ?? 0) - (right.Cpu ?? 0), (left.MemoryBytes ?? 0) - (right.MemoryBytes ?? 0), (left.Agents ?? 0) - (right.Agents ?? 0));

    /// <summary>The first resource of which <paramref name="wanted"/> is more than this capacity less what is used; null where all fits.</summary>
    public string? Lacks(ResourceAmounts used, ResourceAmounts wanted)
    {
        const double rounding = 1e-9; // of sums of fractions of cores
        if (Cpu - (used.Cpu ?? 0) is { } cpu && wanted.Cpu > cpu + rounding)
        {
            return $"{wanted.Cpu:0.###} cpu wanted, {Math.Max(0, cpu):0.###} of {Cpu:0.###} free";
        }

        if (MemoryBytes - (used.MemoryBytes ?? 0) is { } memory && wanted.MemoryBytes > memory)
        {
            return $"{wanted.MemoryBytes} bytes of memory wanted, {Math.Max(0, memory)} of {MemoryBytes} free";
        }

        return Agents - (used.Agents ?? 0) is { } places && wanted.Agents > places
            ? $"{wanted.Agents} agents wanted, {Math.Max(0, places)} of {Agents} places free"
            : null;
    }

    public Resources ToMessage()
    {
        var message = new Resources();
        if (Cpu is { } cpu)
        {
            message.Cpu = cpu;
        }

        if (MemoryBytes is { } memory)
        {
            message.MemoryBytes = memory;
        }

        if (Agents is { } agents)
        {
            message.Agents = agents;
        }

        return message;
    }
}
