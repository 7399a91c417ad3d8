using System.Globalization;
using AgentKernel.Contracts.V1;

namespace AgentKernel.Spawner.Limits;

/// <summary>What a group of processes may use. Null: as much as there is.</summary>
/// <param name="Pids">Processes and threads at once.</param>
/// <param name="Cpu">Cores.</param>
internal sealed record ProcessLimits(long? MemoryBytes, int? Pids, double? Cpu)
{
    public static readonly ProcessLimits None = new(null, null, null);

    /// <summary>Whether anything is limited.</summary>
    public bool Any => this != None;

    public static ProcessLimits Of(Resources resources) => new(
        resources.HasMemoryBytes ? resources.MemoryBytes : null, resources.HasPids ? resources.Pids : null, resources.HasCpu ? resources.Cpu : null);

    /// <summary>An amount of memory in words, e.g. <c>256 MiB</c>.</summary>
    public static string Words(long bytes)
    {
        string[] units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
        var (amount, unit) = ((double)bytes, 0);
        while (amount >= 1024 && unit < units.Length - 1)
        {
            (amount, unit) = (amount / 1024, unit + 1);
        }

        return string.Create(CultureInfo.InvariantCulture, $"{amount:0.#} {units[unit]}");
    }
}
