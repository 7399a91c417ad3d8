namespace AgentKernel.Egress;

/// <summary>Bounds of a proxy.</summary>
public sealed record EgressLimits
{
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
}
