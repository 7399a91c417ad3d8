using Microsoft.Extensions.Configuration.Memory;

namespace AgentKernel.AgentGateway;

/// <summary>
/// What holds when the gateway runs as a program of its own and nothing says otherwise. In code and not in an
/// appsettings.json, which would travel into every program that references this one as a library.
/// </summary>
internal static class StandaloneDefaults
{
    // The names under which service discovery publishes the spawner's gRPC endpoint.
    private static readonly string[] DiscoveredSpawner = ["services:spawner:grpc:0", "services:spawner:http:0"];

    /// <summary>Loopback, one port for HTTP/1.1 and one for gRPC: without TLS a port cannot serve both.</summary>
    public static MemoryConfigurationSource Source { get; } = new()
    {
        InitialData = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["Kestrel:Endpoints:http:Url"] = "http://127.0.0.1:7091",
            ["Kestrel:Endpoints:http:Protocols"] = "Http1",
            ["Kestrel:Endpoints:grpc:Url"] = "http://127.0.0.1:7092",
            ["Kestrel:Endpoints:grpc:Protocols"] = "Http2",
        },
    };

    /// <summary>Reads the settings; what is missing or wrong is for <c>AddAgentGateway</c> to say.</summary>
    public static AgentGatewayOptions Read(IConfiguration configuration)
    {
        var options = configuration.GetSection("AgentGateway").Get<AgentGatewayOptions>() ?? new();
        var discovered = DiscoveredSpawner.Select(key => configuration[key]).FirstOrDefault(value => !string.IsNullOrEmpty(value));
        if (options.Spawner is null && Uri.TryCreate(discovered, UriKind.Absolute, out var spawner))
        {
            options = options with { Spawner = spawner };
        }

        return options.ServiceToken.Length > 0 ? options : options with { ServiceToken = configuration["AGENTKERNEL_SERVICE_TOKEN"] ?? "" };
    }
}
