using System.Diagnostics;
using System.Text.Json.Nodes;
using AgentKernel.Client;

namespace AgentKernel.Benchmarks;

/// <summary>A kernel of the benchmark's own: <c>agentkernel up</c> as a process, on a data directory that goes with it.</summary>
internal sealed class KernelProcess : IAsyncDisposable
{
    private readonly Process _process;

    private KernelProcess(Process process, JsonNode endpoints)
    {
        _process = process;
        Http = new Uri((string)endpoints["http"]!);
        Home = (string)endpoints["home"]!;
        Client = new AgentKernelClient(new Uri((string)endpoints["grpc"]!), (string)endpoints["token"]!);
    }

    public int ProcessId => _process.Id;

    public Uri Http { get; }

    public string Home { get; }

    public AgentKernelClient Client { get; }

    public static async Task<KernelProcess> StartAsync(string backend = "local", IReadOnlyDictionary<string, string>? environment = null)
    {
        var home = Directory.CreateTempSubdirectory("agentkernel-bench-").FullName;
        var config = Path.Combine(home, "agentkernel.yaml");
        await File.WriteAllTextAsync(config, $$"""
            agent_types:
              load: { command: ["{{Repository.LoadAgent}}"], listen: unix_socket, ready: health }
            """);
        var start = new ProcessStartInfo(Repository.Cli) { UseShellExecute = false, RedirectStandardOutput = true };
        foreach (var argument in new[] { "up", "--json", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--home", home, "--config", config, "--backend", backend })
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        var line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("the kernel did not start");
        return new(process, JsonNode.Parse(line)!);
    }

    /// <summary>An agent that costs next to nothing and sends as many events as it is told to, at the pace it is told.</summary>
    public Task<OwnedAgent> SpawnLoadAsync() => Client.Spawner.SpawnAsync(new() { Name = "load", AgentType = "load" });

    /// <summary>An agent of the reference type that answers with the scripted model.</summary>
    public Task<OwnedAgent> SpawnScriptedAsync(string name) => Client.Spawner.SpawnAsync(new Contracts.V1.SpawnAgentRequest
    {
        Name = name,
        SpawnInfo = Google.Protobuf.WellKnownTypes.Any.Pack(Google.Protobuf.JsonParser.Default.Parse<Google.Protobuf.WellKnownTypes.Struct>(
            """{"provider":"scripted","no_tools":true}""")),
    });

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        using (var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]))
        {
            await kill.WaitForExitAsync();
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(Home, recursive: true);
    }
}
