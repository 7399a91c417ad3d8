using AgentKernel.ServiceDefaults;
using AgentKernel.ServiceDefaults.Access;
using Microsoft.Extensions.Configuration.Memory;

namespace AgentKernel.Spawner;

/// <summary>
/// What holds when the spawner runs as a program of its own and nothing says otherwise. In code and not in an
/// appsettings.json, which would travel into every program that references this one as a library.
/// </summary>
internal static class StandaloneDefaults
{
    /// <summary>Loopback, one port for HTTP/1.1 and one for gRPC: without TLS a port cannot serve both.</summary>
    public static MemoryConfigurationSource Source { get; } = new()
    {
        InitialData = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["Kestrel:Endpoints:http:Url"] = "http://127.0.0.1:7081",
            ["Kestrel:Endpoints:http:Protocols"] = "Http1",
            ["Kestrel:Endpoints:grpc:Url"] = "http://127.0.0.1:7082",
            ["Kestrel:Endpoints:grpc:Protocols"] = "Http2",
        },
    };

    /// <summary>Reads the settings; what is wrong is for <c>AddSpawner</c> to say.</summary>
    public static SpawnerOptions Read(IConfiguration configuration) => configuration.GetSection("Spawner").Get<SpawnerOptions>() ?? new();

    /// <summary>The tokens that the configuration names; for one that it does not, that of the data directory.</summary>
    public static AccessTokens Tokens(IConfiguration configuration, DataDirectory home) => new(
        configuration[DataDirectory.TokenVariable] is { Length: > 0 } operatorToken ? operatorToken : home.OperatorToken(),
        configuration[DataDirectory.ServiceTokenVariable] is { Length: > 0 } serviceToken ? serviceToken : home.ServiceToken());
}
