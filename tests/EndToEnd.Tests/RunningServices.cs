using AgentKernel.Client;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>A kernel as a cluster has it: each service a process of its own, which find each other by environment variables.</summary>
public sealed class RunningServices : ITestKernel
{
    private readonly ServiceProcess _spawner;
    private readonly ServiceProcess _gateway;
    private readonly ServiceProcess _packaging;
    private readonly ServiceProcess _bus;

    private RunningServices(ServiceProcess spawner, ServiceProcess gateway, ServiceProcess packaging, ServiceProcess bus, string home, string token)
    {
        (_spawner, _gateway, _packaging, _bus, Home, Token) = (spawner, gateway, packaging, bus, home, token);
        Client = new AgentKernelClient(SpawnerGrpc, Grpc, token, bus.Grpc, packaging.Grpc);
    }

    public Uri Http => _gateway.Http;

    public Uri Grpc => _gateway.Grpc;

    public Uri SpawnerHttp => _spawner.Http;

    public Uri SpawnerGrpc => _spawner.Grpc;

    public string Home { get; }

    public string Token { get; }

    public AgentKernelClient Client { get; }

    public string Log => _spawner.Log + _gateway.Log + _packaging.Log + _bus.Log;

    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["AGENTKERNEL_SPAWNER"] = SpawnerGrpc.ToString(),
        ["AGENTKERNEL_GATEWAY"] = Grpc.ToString(),
        ["AGENTKERNEL_PACKAGING"] = _packaging.Grpc.ToString(),
        ["AGENTKERNEL_AGENTBUS"] = _bus.Grpc.ToString(),
        ["AGENTKERNEL_TOKEN"] = Token,
    };

    /// <param name="settings">Environment variables for all of them.</param>
    public static async Task<RunningServices> StartAsync(IReadOnlyDictionary<string, string> settings)
    {
        const string token = "an-operator-token-of-the-tests";
        var home = RunningKernel.NewHome();
        var common = new Dictionary<string, string>(settings)
        {
            ["AGENTKERNEL_TOKEN"] = token,
            ["AGENTKERNEL_SERVICE_TOKEN"] = "a-service-token-of-the-tests",
            ["AGENTKERNEL_HOME"] = home,
        };
        await using var undo = new AsyncDisposables();
        // First, with a spawner's address that is no one's: what asks it fails closed, and nothing here does.
        var packaging = undo.Add(await ServiceProcess.StartAsync("Packaging", common));
        var bus = undo.Add(await ServiceProcess.StartAsync("AgentBus", common));
        var spawner = undo.Add(await ServiceProcess.StartAsync("Spawner", new Dictionary<string, string>(common)
        {
            ["PACKAGING_GRPC"] = packaging.Grpc.ToString(),
            ["AGENTBUS_GRPC"] = bus.Grpc.ToString(),
        }));
        var gateway = await ServiceProcess.StartAsync("AgentGateway", new Dictionary<string, string>(common) { ["SPAWNER_GRPC"] = spawner.Grpc.ToString() });
        undo.Keep();
        return new(spawner, gateway, packaging, bus, home, token);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _gateway.DisposeAsync();
        await _spawner.DisposeAsync();
        await _packaging.DisposeAsync();
        await _bus.DisposeAsync();
        AgentKernel.ServiceDefaults.DataDirectory.DeleteFolder(Home);
    }
}

/// <summary>What is ended again unless all of it is kept.</summary>
internal sealed class AsyncDisposables : IAsyncDisposable
{
    private readonly Stack<IAsyncDisposable> _all = [];

    public T Add<T>(T one)
        where T : IAsyncDisposable
    {
        _all.Push(one);
        return one;
    }

    public void Keep() => _all.Clear();

    public async ValueTask DisposeAsync()
    {
        while (_all.TryPop(out var one))
        {
            await one.DisposeAsync();
        }
    }
}
