namespace AgentKernel.AgentGateway;

/// <summary>Settings of the gateway; section <c>AgentGateway</c> of the configuration.</summary>
public sealed record AgentGatewayOptions
{
    /// <summary>The spawner's gRPC address. Not needed where the hosting program tells it by other means.</summary>
    public Uri? Spawner { get; init; }

    /// <summary>With what the gateway proves itself to the spawner.</summary>
    public string ServiceToken { get; init; } = "";

    /// <summary>How long a running turn may stay without an event from its agent; each event starts it anew.</summary>
    public TimeSpan TurnIdleTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a turn may take as a whole; null: as long as it likes.</summary>
    public TimeSpan? TurnTimeout { get; init; }

    /// <summary>After how long a silence a comment is sent, so that nothing on the way takes the stream for dead.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The largest request, in bytes; also the largest single event that an agent may send.</summary>
    public int MaxRequestBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>What is wrong with the settings, each with its key; empty when nothing is.</summary>
    /// <param name="addressElsewhere">Whether the spawner's address comes from the hosting program.</param>
    public IEnumerable<string> Problems(bool addressElsewhere = false)
    {
        if (Spawner is null && !addressElsewhere)
        {
            yield return "AgentGateway:Spawner must be the spawner's gRPC address, http://host:port or https://host:port";
        }
        else if (Spawner is { } address && (!address.IsAbsoluteUri || address.Scheme is not ("http" or "https")))
        {
            yield return $"AgentGateway:Spawner is '{address}'; it must start with http:// or https://";
        }

        if (string.IsNullOrWhiteSpace(ServiceToken))
        {
            yield return "AgentGateway:ServiceToken (or AGENTKERNEL_SERVICE_TOKEN) must be set to the token that the kernel's services share";
        }

        foreach (var (key, value) in new[]
        {
            (nameof(TurnIdleTimeout), TurnIdleTimeout), (nameof(TurnTimeout), TurnTimeout ?? TimeSpan.MaxValue), (nameof(Heartbeat), Heartbeat),
        })
        {
            if (value <= TimeSpan.Zero)
            {
                yield return $"AgentGateway:{key} is {value}; it must be longer than 0";
            }
        }

        if (MaxRequestBytes is < 1024 or > 1024 * 1024 * 1024)
        {
            yield return $"AgentGateway:MaxRequestBytes is {MaxRequestBytes}; it must be 1024 to 1073741824 (1 KiB to 1 GiB)";
        }
    }
}
