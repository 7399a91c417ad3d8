using AgentKernel.ServiceDefaults;
using AgentKernel.ServiceDefaults.Hosting;

namespace AgentKernel.AgentGateway;

/// <summary>The gateway's settings when it runs as a program of its own.</summary>
internal static class StandaloneOptions
{
    // Where a spawner on the same machine listens that was told nothing else.
    private static readonly Uri NextDoor = new("http://127.0.0.1:7082");

    /// <summary>Reads them; what is wrong is for <c>AddAgentGateway</c> to say.</summary>
    /// <remarks>Without a service token in the configuration it is that of the data directory, which a spawner on the same machine shares.</remarks>
    public static AgentGatewayOptions Read(IConfiguration configuration)
    {
        var options = configuration.GetSection("AgentGateway").Get<AgentGatewayOptions>(binder => binder.ErrorOnUnknownConfiguration = true) ?? new();
        return options with
        {
            Spawner = options.Spawner ?? ServiceAddress.Find(configuration, "spawner", "grpc") ?? NextDoor,
            ServiceToken = options.ServiceToken is { Length: > 0 } token ? token : new DataDirectory(configuration[DataDirectory.HomeVariable]).ServiceToken(),
        };
    }
}
