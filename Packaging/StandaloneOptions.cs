using AgentKernel.ServiceDefaults.Hosting;

namespace AgentKernel.Packaging;

/// <summary>The service's settings when it runs as a program of its own.</summary>
internal static class StandaloneOptions
{
    // Where a spawner on the same machine listens that was told nothing else.
    private static readonly Uri NextDoor = new("http://127.0.0.1:7082");

    /// <summary>Reads them; what is wrong is for <c>AddPackaging</c> to say.</summary>
    public static PackagingOptions Read(IConfiguration configuration)
    {
        var options = configuration.GetSection("Packaging").Get<PackagingOptions>(binder => binder.ErrorOnUnknownConfiguration = true) ?? new();
        return options with { Spawner = options.Spawner ?? ServiceAddress.Find(configuration, "spawner", "grpc") ?? NextDoor };
    }
}
