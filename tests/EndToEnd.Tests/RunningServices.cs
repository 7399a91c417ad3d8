using AgentKernel.Client;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>A kernel as a cluster has it: each service a process of its own, which find each other by environment variables.</summary>
public sealed class RunningServices : ITestKernel
{
    private readonly ServiceProcess _spawner;
    private readonly ServiceProcess _gateway;

    private RunningServices(ServiceProcess spawner, ServiceProcess gateway, string home, string token)
    {
        (_spawner, _gateway, Home, Token) = (spawner, gateway, home, token);
        Client = new AgentKernelClient(SpawnerGrpc, Grpc, token);
    }

    public Uri Http => _gateway.Http;

    public Uri Grpc => _gateway.Grpc;

    public Uri SpawnerHttp => _spawner.Http;

    public Uri SpawnerGrpc => _spawner.Grpc;

    public string Home { get; }

    public string Token { get; }

    public AgentKernelClient Client { get; }

    public string Log => _spawner.Log + _gateway.Log;

    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["AGENTKERNEL_SPAWNER"] = SpawnerGrpc.ToString(),
        ["AGENTKERNEL_GATEWAY"] = Grpc.ToString(),
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
        var spawner = await ServiceProcess.StartAsync("Spawner", common);
        try
        {
            var gateway = await ServiceProcess.StartAsync("AgentGateway", new Dictionary<string, string>(common) { ["SPAWNER_GRPC"] = spawner.Grpc.ToString() });
            return new(spawner, gateway, home, token);
        }
        catch
        {
            await spawner.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _gateway.DisposeAsync();
        await _spawner.DisposeAsync();
        Directory.Delete(Home, recursive: true);
    }
}
