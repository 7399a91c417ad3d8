using AgentKernel.Spawner.AgentTypes;

namespace AgentKernel.Spawner;

/// <summary>Settings of the spawner; section <c>Spawner</c> of the configuration.</summary>
public sealed record SpawnerOptions
{
    /// <summary>Where agents run.</summary>
    public string Backend { get; set; } = "local";

    /// <summary>Agent types beside <c>openclaw</c>.</summary>
    public IList<AgentType> AgentTypes { get; init; } = [];

    /// <summary>The program of agent type <c>openclaw</c>; null: the one that comes with the kernel.</summary>
    public string? RuntimeProgram { get; set; }

    /// <summary>How long an agent may take to be ready.</summary>
    public TimeSpan StartTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a setup script may take, beyond that.</summary>
    public TimeSpan SetupTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How long an agent may take to end by itself before it is killed.</summary>
    public TimeSpan StopGrace { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the record of an ended agent stays readable.</summary>
    public TimeSpan EndedRetention { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How many records of ended agents are kept at most; beyond that the oldest is dropped before its time.</summary>
    public int MaxEndedRecords { get; set; } = 1000;

    /// <summary>Keeps the folders of ended agents and of failed starts for inspection.</summary>
    public bool Debug { get; set; }

    /// <summary>Leaves agents running when the kernel shuts down; its next start takes them up again.</summary>
    public bool KeepAgents { get; set; }

    /// <summary>How many cores teams may reserve for each core of the host: agents mostly wait for a model.</summary>
    public double CpuOvercommit { get; set; } = 16;

    /// <summary>How many bytes teams may reserve for each byte of the host's memory.</summary>
    public double MemoryOvercommit { get; set; } = 1;

    /// <summary>What is wrong with the settings, each with its key; empty when nothing is.</summary>
    public IEnumerable<string> Problems()
    {
        if (string.IsNullOrWhiteSpace(Backend))
        {
            yield return "Spawner:Backend must name a backend";
        }

        foreach (var (key, value) in new[] { (nameof(StartTimeout), StartTimeout), (nameof(SetupTimeout), SetupTimeout), (nameof(StopGrace), StopGrace), (nameof(EndedRetention), EndedRetention) })
        {
            if (value < TimeSpan.Zero)
            {
                yield return $"Spawner:{key} must not be negative";
            }
        }

        if (MaxEndedRecords < 0)
        {
            yield return "Spawner:MaxEndedRecords must not be negative";
        }

        foreach (var (key, value) in new[] { (nameof(CpuOvercommit), CpuOvercommit), (nameof(MemoryOvercommit), MemoryOvercommit) })
        {
            if (!(value > 0) || double.IsInfinity(value))
            {
                yield return $"Spawner:{key} must be a positive number";
            }
        }

        foreach (var type in AgentTypes)
        {
            if (string.IsNullOrWhiteSpace(type.Name) || type.Command.Count == 0 || string.IsNullOrWhiteSpace(type.Command[0]))
            {
                yield return $"Spawner:AgentTypes: '{type.Name}' needs a name and a command";
            }
        }

        if (AgentTypes.GroupBy(type => type.Name).FirstOrDefault(group => group.Count() > 1 || group.Key == OpenClaw.Name) is { } twice)
        {
            yield return $"Spawner:AgentTypes: '{twice.Key}' is defined twice";
        }
    }
}
