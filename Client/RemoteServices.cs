namespace AgentKernel.Client;

/// <summary>The gRPC addresses of services that run each for itself.</summary>
internal sealed record RemoteServices(Uri Spawner, Uri Gateway, Uri? AgentBus)
{
    private const string SpawnerVariable = "AGENTKERNEL_SPAWNER";
    private const string GatewayVariable = "AGENTKERNEL_GATEWAY";
    private const string AgentBusVariable = "AGENTKERNEL_AGENTBUS";

    /// <summary>The addresses in the environment; null where there are none.</summary>
    /// <exception cref="InvalidOperationException">One is no address, or only one is set.</exception>
    public static RemoteServices? FromEnvironment() => (Read(SpawnerVariable), Read(GatewayVariable)) switch
    {
        (null, null) => null,
        ({ } spawner, { } gateway) => new(spawner, gateway, Read(AgentBusVariable)),
        (null, _) => throw new InvalidOperationException($"{GatewayVariable} is set, and {SpawnerVariable} is not: both are needed, or neither"),
        _ => throw new InvalidOperationException($"{SpawnerVariable} is set, and {GatewayVariable} is not: both are needed, or neither"),
    };

    private static Uri? Read(string variable) => Environment.GetEnvironmentVariable(variable) switch
    {
        null or "" => null,
        var value when Uri.TryCreate(value, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" => address,
        var value => throw new InvalidOperationException($"{variable} is '{value}'; it must be http://host:port or https://host:port"),
    };
}
