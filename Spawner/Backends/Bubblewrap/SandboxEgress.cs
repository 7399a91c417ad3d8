using System.Collections.Concurrent;
using System.Net.Sockets;
using AgentKernel.Egress;
using AgentKernel.ServiceDefaults;
using Microsoft.Extensions.Logging;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>
/// The ways out of sandboxes: for each a proxy, and a route to its model, on unix sockets in a folder that the sandbox has
/// to read. Inside, the forwarder carries two ports of the sandbox's loopback to them.
/// </summary>
internal sealed class SandboxEgress(ILoggerFactory loggers) : IAsyncDisposable
{
    /// <summary>The folder of the sockets, from inside.</summary>
    public const string Inside = "/run/egress";

    private const string Proxy = "p";
    private const string Model = "m";
    private const int ProxyPort = 3128;
    private const int ModelPort = 3129;

    private static readonly string ProxyUrl = $"http://127.0.0.1:{ProxyPort}";

    private readonly ConcurrentDictionary<string, IReadOnlyList<IAsyncDisposable>> _served = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _starting = new(1);
    private ModelRoutes? _routes;

    /// <summary>The base URL of the route to the model, from inside.</summary>
    public static string ModelUrl { get; } = $"http://127.0.0.1:{ModelPort}";

    /// <summary>How programs find the proxy.</summary>
    public static IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string>
    {
        ["HTTP_PROXY"] = ProxyUrl,
        ["HTTPS_PROXY"] = ProxyUrl,
        ["http_proxy"] = ProxyUrl,
        ["https_proxy"] = ProxyUrl,
        ["NO_PROXY"] = "localhost,127.0.0.1,::1",
        ["no_proxy"] = "localhost,127.0.0.1,::1",
    };

    /// <summary>What the forwarder is to carry.</summary>
    public static IReadOnlyList<string> Forwards(EgressGrant grant) =>
    [
        $"tcp:{ProxyPort}", $"unix:{Inside}/{Proxy}",
        .. grant.Model is { Passed: false } ? [$"tcp:{ModelPort}", $"unix:{Inside}/{Model}"] : Array.Empty<string>(),
    ];

    /// <summary>Begins to serve an agent.</summary>
    /// <param name="folder">The folder of its sockets; made where it is missing.</param>
    /// <exception cref="AgentStartException">The request's list or endpoint is malformed, or no socket can be made.</exception>
    public async Task OpenAsync(string agentId, EgressGrant grant, SandboxUser user, string folder, CancellationToken cancellationToken)
    {
        var servers = new List<IAsyncDisposable>();
        _served[agentId] = servers;
        try
        {
            DataDirectory.CreateFolder(folder);
            user.Take(folder);
            servers.Add(EgressProxy.Start(Socket(Proxy), agentId, EgressPolicy.Parse(grant.Allow), loggers.CreateLogger<EgressProxy>()));
            if (grant.Model is { Passed: false } model)
            {
                var endpoint = ModelEndpoint.For(model.Provider, model.Endpoint, model.Credential);
                servers.Add((await RoutesAsync(cancellationToken)).Open(Socket(Model), agentId, endpoint));
            }
        }
        catch (Exception exception) when (exception is IOException or SocketException or FormatException or ArgumentException)
        {
            await CloseAsync(agentId, folder);
            throw new AgentStartException($"its way out could not be made: {exception.Message}", exception);
        }

        EgressSocket Socket(string name) => new(Path.Combine(folder, name))
        {
            UserId = user.Apart ? (int)user.User : null,
            GroupId = user.Apart ? (int)user.Group : null,
        };
    }

    /// <summary>Ends an agent's connections and removes its sockets. Idempotent.</summary>
    public async ValueTask CloseAsync(string agentId, string folder)
    {
        if (_served.TryRemove(agentId, out var servers))
        {
            await EndAsync(servers);
        }

        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // It was never made, or another has cleaned up.
        }
    }

    /// <summary>Serves nobody any more. Agents that run on are without a network until a later kernel serves them.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var agentId in _served.Keys)
        {
            if (_served.TryRemove(agentId, out var servers))
            {
                await EndAsync(servers);
            }
        }

        if (_routes is { } routes)
        {
            await routes.DisposeAsync();
        }

        _starting.Dispose();
    }

    // Started with the first agent that has a model.
    private async Task<ModelRoutes> RoutesAsync(CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken);
        try
        {
            return _routes ??= await ModelRoutes.StartAsync(loggers, null, cancellationToken);
        }
        finally
        {
            _starting.Release();
        }
    }

    private static async Task EndAsync(IReadOnlyList<IAsyncDisposable> servers)
    {
        foreach (var server in servers)
        {
            try
            {
                await server.DisposeAsync();
            }
            catch (DirectoryNotFoundException)
            {
                // Its socket is gone already, with the folder: another kernel has cleaned up.
            }
        }
    }
}
