namespace AgentKernel.Egress;

/// <summary>Bounds of one agent's proxy or model route.</summary>
public sealed record EgressLimits
{
    /// <summary>The bounds that hold where none are given.</summary>
    public static EgressLimits Default { get; } = new();

    /// <summary>The longest request line with headers, in bytes.</summary>
    public int MaxHeadBytes { get; init; } = 32 * 1024;

    /// <summary>How long a client may take to send them.</summary>
    public TimeSpan HeadTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long resolving a name and connecting may take together.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long nothing may be sent in either direction before a connection is closed.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How many connections there may be at once; one more is answered with 503.</summary>
    public int MaxConnections { get; init; } = 128;

    /// <summary>The longest body of a request to a model, in bytes. What goes through the proxy is not bounded.</summary>
    public long MaxModelRequestBytes { get; init; } = 256L * 1024 * 1024;
}
