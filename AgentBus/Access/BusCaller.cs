namespace AgentKernel.AgentBus.Access;

/// <summary>Who calls, as the secret that the call carries says.</summary>
internal abstract record BusCaller
{
    private BusCaller()
    {
    }

    /// <summary>The agent whose bus it is.</summary>
    public sealed record Agent : BusCaller;

    /// <summary>Another agent of the same team.</summary>
    public sealed record Teammate(string AgentBusId) : BusCaller;

    /// <summary>A voter of the bus that is no part of the service.</summary>
    public sealed record Voter(string VoterId) : BusCaller;

    /// <summary>Whoever spawned the agent.</summary>
    public sealed record Owner : BusCaller;

    /// <summary>Whoever runs the kernel.</summary>
    public sealed record Operator : BusCaller;
}
