using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Backends.Bubblewrap;
using AgentKernel.Spawner.Backends.Local;
using AgentKernel.Spawner.Limits;

namespace AgentKernel.Spawner;

/// <summary>Whether a backend can be used on this machine.</summary>
/// <param name="Chosen">Whether the options name it.</param>
/// <param name="Isolated">Whether it keeps agents from the kernel's own user and files.</param>
/// <param name="Detail">What it offers, or why it cannot be used and what to do about that.</param>
public sealed record BackendFinding(string Name, bool Chosen, bool Usable, bool Isolated, string Detail);

/// <summary>Whether an agent type's program is there.</summary>
/// <param name="Problem">Null where it is.</param>
public sealed record AgentTypeFinding(string Name, string Program, string? Problem);

/// <summary>Looks at what the spawner would need, without starting one.</summary>
public static class SpawnerDoctor
{
    /// <summary>Probes every backend there is; one that the options name and that does not exist is found unusable.</summary>
    public static IReadOnlyList<BackendFinding> ExamineBackends(SpawnerOptions options)
    {
        List<BackendFinding> findings =
        [
            Finding(LocalBackend.BackendName, LocalBackend.Abilities, LocalBackend.Probe()),
            Finding(BubblewrapBackend.BackendName, BubblewrapBackend.Abilities, BubblewrapProbe.Run()),
        ];
        if (!findings.Exists(finding => finding.Chosen))
        {
            findings.Add(new(options.Backend, Chosen: true, Usable: false, Isolated: false, $"there is no such backend; this kernel has {string.Join(", ", findings.Select(finding => finding.Name))}"));
        }

        return findings;

        BackendFinding Finding(string name, BackendCapabilities abilities, BackendProbe probe) => new(name, options.Backend == name, probe.Usable, abilities.Isolated, probe.Detail);
    }

    /// <summary>Whether agents of this machine can be held to all of their limits, and by what.</summary>
    public static (bool Held, string Detail) ExamineLimits() => ResourceLimiter.Probe();

    /// <summary>Looks for the program of each agent type.</summary>
    public static IReadOnlyList<AgentTypeFinding> ExamineAgentTypes(SpawnerOptions options) =>
        [.. options.AgentTypes.Prepend(OpenClaw.Type(options.RuntimeProgram)).Select(Examine)];

    private static AgentTypeFinding Examine(AgentType type)
    {
        try
        {
            return new(type.Name, string.Join(' ', LocalBackend.Resolve(type)), null);
        }
        catch (AgentStartException exception)
        {
            return new(type.Name, type.Command[0], exception.Message);
        }
    }
}
