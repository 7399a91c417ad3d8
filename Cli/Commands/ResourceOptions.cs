using System.CommandLine;
using AgentKernel.Contracts.V1;

namespace AgentKernel.Cli.Commands;

/// <summary>The options that say how much an agent or a team may have.</summary>
internal static class ResourceOptions
{
    public static readonly Option<double?> Cpu = new("--cpu") { Description = "Cores [default: 1 for an agent]", HelpName = "CORES" };
    public static readonly Option<long?> Memory = new("--memory") { Description = "Memory", HelpName = "MIB" };
    public static readonly Option<int?> Processes = new("--pids") { Description = "Processes and threads at once", HelpName = "N" };
    public static readonly Option<long?> Disk = new("--disk") { Description = "Disk for its workspace, in a sandbox", HelpName = "MIB" };

    private const long Mebibyte = 1024 * 1024;

    /// <summary>What of them was said; null where nothing was.</summary>
    /// <exception cref="UsageException">An amount cannot be one.</exception>
    public static Resources? Read(ParseResult command)
    {
        var resources = new Resources();
        if (command.GetValue(Cpu) is { } cpu)
        {
            resources.Cpu = cpu;
        }

        if (Bytes(command, Memory) is { } memory)
        {
            resources.MemoryBytes = memory;
        }

        if (Bytes(command, Disk) is { } disk)
        {
            resources.DiskBytes = disk;
        }

        if (command.GetValue(Processes) is { } processes)
        {
            resources.Pids = processes;
        }

        return resources.CalculateSize() > 0 ? resources : null;
    }

    private static long? Bytes(ParseResult command, Option<long?> option) => command.GetValue(option) switch
    {
        null => null,
        >= 0 and <= long.MaxValue / Mebibyte and { } amount => amount * Mebibyte,
        var amount => throw new UsageException($"{option.Name} is {amount}; it must be a number of MiB"),
    };
}
