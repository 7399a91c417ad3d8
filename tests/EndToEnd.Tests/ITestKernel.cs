using System.Text.Json.Nodes;
using AgentKernel.Client;
using AgentKernel.Contracts.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>A kernel under test, whatever processes it consists of.</summary>
public interface ITestKernel : IAsyncDisposable
{
    /// <summary>Where turns are taken over HTTP.</summary>
    Uri Http { get; }

    /// <summary>Where the gateway speaks gRPC.</summary>
    Uri Grpc { get; }

    /// <summary>Where the spawner speaks Connect over HTTP/1.1.</summary>
    Uri SpawnerHttp { get; }

    /// <summary>Where the spawner speaks gRPC.</summary>
    Uri SpawnerGrpc { get; }

    string Home { get; }

    string Token { get; }

    AgentKernelClient Client { get; }

    /// <summary>All that it has logged.</summary>
    string Log { get; }

    /// <summary>What a command needs to find it, beside its data directory.</summary>
    IReadOnlyDictionary<string, string> Environment { get; }
}

internal static class TestKernels
{
    /// <summary>Runs a command of the CLI against this kernel.</summary>
    public static Task<ProgramRun> CliAsync(this ITestKernel kernel, params string[] arguments) =>
        ProgramRun.RunAsync(Repository.Cli, [.. arguments, "--home", kernel.Home], kernel.Environment);

    /// <summary>An agent that talks to the scripted model.</summary>
    public static Task<OwnedAgent> SpawnAsync(this ITestKernel kernel, string name = "tester", string spawnInfo = "{}", Action<SpawnAgentRequest>? change = null)
    {
        var own = JsonNode.Parse(spawnInfo)!.AsObject();
        own["provider"] ??= "scripted";
        var request = new SpawnAgentRequest { Name = name, SpawnInfo = Any.Pack(JsonParser.Default.Parse<Struct>(own.ToJsonString())) };
        change?.Invoke(request);
        return kernel.Client.Spawner.SpawnAsync(request, TestContext.Current.CancellationToken);
    }
}
