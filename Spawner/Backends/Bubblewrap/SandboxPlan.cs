namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>Something of the host that a sandbox has, and where.</summary>
internal sealed record Bind(string Source, string Target);

/// <summary>What a sandbox is made of, beside what every sandbox has. Sources are paths of the host.</summary>
internal sealed record SandboxPlan
{
    /// <summary>Symbolic links of the root, e.g. <c>usr/lib</c> at <c>/lib</c>.</summary>
    public IReadOnlyList<Bind> Links { get; init; } = [];

    /// <summary>What of the host is there to be read.</summary>
    public required IReadOnlyList<Bind> ReadOnly { get; init; }

    /// <summary>What of the host is there to be written.</summary>
    public required IReadOnlyList<Bind> Writable { get; init; }

    /// <summary>All of the environment.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>The program and its arguments, as seen from inside.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>What the forwarder carries: where it listens, and where to, in turns (see forward.pl).</summary>
    public IReadOnlyList<string> Forwards { get; init; } = [];

    /// <summary>No network of its own, but the machine's.</summary>
    public bool HostNetwork { get; init; }
}
