using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;

namespace AgentKernel.Spawner.Teams;

/// <summary>An amount of each resource. Null: unlimited where it is a capacity, nothing where it is a share.</summary>
/// <param name="Pids">Processes and threads.</param>
/// <param name="DiskBytes">Of workspaces.</param>
internal sealed record ResourceAmounts(double? Cpu, long? MemoryBytes, int? Agents, int? Pids = null, long? DiskBytes = null)
{
    public static readonly ResourceAmounts None = new(0, 0, 0, 0, 0);

    private const long LeastMemory = 4 * 1024 * 1024; // no program starts in less

    /// <summary>An agent's share of its team: what it asks for, 1 cpu unless it says otherwise, and one place.</summary>
    /// <exception cref="RpcException">An amount is none that an agent could run with; the message names its field.</exception>
    public static ResourceAmounts ShareOf(Resources? requested)
    {
        var share = Checked(requested, "resources") with { Agents = 1 };
        Require(!(share.MemoryBytes < LeastMemory), $"resources.memory_bytes must be {LeastMemory} or more: no agent starts in less");
        return share with { Cpu = share.Cpu ?? 1 };
    }

    /// <summary>Reads a request's resources.</summary>
    /// <exception cref="RpcException">An amount is negative or not a number; the message names its field.</exception>
    public static ResourceAmounts Checked(Resources? requested, string field)
    {
        if (requested is null)
        {
            return new(null, null, null);
        }

        Require(!requested.HasCpu || (requested.Cpu >= 0 && double.IsFinite(requested.Cpu)), $"{field}.cpu must be a number of cores, 0 or more");
        Require(requested is not { HasMemoryBytes: true, MemoryBytes: < 0 }, $"{field}.memory_bytes must be 0 or more");
        Require(requested is not { HasAgents: true, Agents: < 0 }, $"{field}.agents must be 0 or more");
        Require(requested is not { HasPids: true, Pids: < 1 }, $"{field}.pids must be 1 or more");
        Require(requested is not { HasDiskBytes: true, DiskBytes: < 0 }, $"{field}.disk_bytes must be 0 or more");
        return new(
            requested.HasCpu ? requested.Cpu : null,
            requested.HasMemoryBytes ? requested.MemoryBytes : null,
            requested.HasAgents ? requested.Agents : null,
            requested.HasPids ? requested.Pids : null,
            requested.HasDiskBytes ? requested.DiskBytes : null);
    }

    public static ResourceAmounts operator +(ResourceAmounts left, ResourceAmounts right) => new(
        (left.Cpu ?? 0) + (right.Cpu ?? 0), (left.MemoryBytes ?? 0) + (right.MemoryBytes ?? 0), (left.Agents ?? 0) + (right.Agents ?? 0),
        (left.Pids ?? 0) + (right.Pids ?? 0), (left.DiskBytes ?? 0) + (right.DiskBytes ?? 0));

    public static ResourceAmounts operator -(ResourceAmounts left, ResourceAmounts right) => new(
        (left.Cpu ?? 0) - (right.Cpu ?? 0), (left.MemoryBytes ?? 0) - (right.MemoryBytes ?? 0), (left.Agents ?? 0) - (right.Agents ?? 0),
        (left.Pids ?? 0) - (right.Pids ?? 0), (left.DiskBytes ?? 0) - (right.DiskBytes ?? 0));

    /// <summary>The first resource of which <paramref name="wanted"/> is more than this capacity less what is used; null where all fits.</summary>
    public string? Lacks(ResourceAmounts used, ResourceAmounts wanted)
    {
        const double rounding = 1e-9; // of sums of fractions of cores
        if (Cpu - (used.Cpu ?? 0) is { } cpu && wanted.Cpu > cpu + rounding)
        {
            return $"{wanted.Cpu:0.###} cpu wanted, {Math.Max(0, cpu):0.###} of {Cpu:0.###} free";
        }

        return Lack(MemoryBytes, used.MemoryBytes, wanted.MemoryBytes, "bytes of memory", "")
            ?? Lack(Agents, used.Agents, wanted.Agents, "agents", " places")
            ?? Lack(Pids, used.Pids, wanted.Pids, "processes", "")
            ?? Lack(DiskBytes, used.DiskBytes, wanted.DiskBytes, "bytes of disk", "");
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

        if (Pids is { } pids)
        {
            message.Pids = pids;
        }

        if (DiskBytes is { } disk)
        {
            message.DiskBytes = disk;
        }

        return message;
    }

    private static string? Lack(long? capacity, long? used, long? wanted, string unit, string places) =>
        capacity - (used ?? 0) is { } free && wanted > free ? $"{wanted} {unit} wanted, {Math.Max(0, free)} of {capacity}{places} free" : null;

    private static void Require(bool kept, string message)
    {
        if (!kept)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, message);
        }
    }
}
