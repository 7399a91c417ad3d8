namespace AgentKernel.Spawner.AgentTypes;

/// <summary>
/// A kind of agent: which program it is and how it is spoken to. Data, not code: any program that keeps the agent
/// contract becomes an agent type by an entry in the configuration.
/// </summary>
public sealed record AgentType
{
    /// <summary>The name that spawn requests choose it by.</summary>
    public required string Name { get; init; }

    /// <summary>The program and its first arguments; <c>--config FILE</c> is added. Found on PATH unless it has a slash.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>Where it can listen.</summary>
    public AgentListener Listen { get; init; } = AgentListener.HttpPort;

    /// <summary>How it tells that it can take turns.</summary>
    public AgentReadiness Ready { get; init; } = AgentReadiness.Health;

    /// <summary>The vendor formats of turns that it takes; empty: any.</summary>
    public IReadOnlyList<string> TransportFormats { get; init; } = [];

    /// <summary>Whether it runs the program of the config key <c>setup_script</c> (in base64) in its workspace before it is ready.</summary>
    public bool SetupScripts { get; init; }

    /// <summary>Added to the environment of each of its agents.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}

/// <summary>Where an agent's program listens, as its config file tells it.</summary>
public enum AgentListener
{
    /// <summary>On the loopback port of the config key <c>http_port</c>.</summary>
    HttpPort,
    /// <summary>On the unix socket of the config key <c>unix_socket</c>.</summary>
    UnixSocket,
}

/// <summary>How an agent's program tells that it can take turns.</summary>
public enum AgentReadiness
{
    /// <summary>By its first answer of 200 to <c>GET /health</c>, which is asked for with a short backoff.</summary>
    Health,
    /// <summary>By <c>READY=1</c> to the socket in <c>NOTIFY_SOCKET</c>, as sd_notify(3) does.</summary>
    Notify,
}
