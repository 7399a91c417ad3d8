using System.Net.Sockets;

namespace AgentKernel.Egress.Tests.Models;

/// <summary>A model route to a server, and a client that is an agent's.</summary>
internal sealed class RunningRoute : IAsyncDisposable
{
    /// <summary>The real key.</summary>
    public const string Key = "sk-real-7f3a9c";

    /// <summary>What the agent has in its place.</summary>
    public const string Placeholder = "sk-placeholder";

    private readonly TemporaryFolder _folder;
    private readonly ModelRoutes _routes;
    private readonly ModelRoute _route;

    private RunningRoute(TemporaryFolder folder, RecordedLog log, ModelRoutes routes, ModelEndpoint endpoint)
    {
        (_folder, Log, _routes) = (folder, log, routes);
        SocketPath = folder.Combine("m");
        _route = routes.Open(new(SocketPath), "agent-9", endpoint);
        Client = new(new SocketsHttpHandler { UseProxy = false, ConnectCallback = async (_, _) => new NetworkStream(await ConnectAsync(), ownsSocket: true) }) { BaseAddress = new("http://127.0.0.1:3129") };
    }

    public string SocketPath { get; }

    public RecordedLog Log { get; }

    /// <summary>What connects to the socket whatever the URL says.</summary>
    public HttpClient Client { get; }

    public static async Task<RunningRoute> StartAsync(ModelServer server, string provider = "openai", string path = "", EgressLimits? limits = null, SocketsHttpHandler? handler = null)
    {
        var log = new RecordedLog();
        var routes = await ModelRoutes.StartAsync(log, limits ?? EgressLimits.Default, handler ?? server.Trusting(), TimeProvider.System, Patience.Token);
        return new(new(), log, routes, ModelEndpoint.For(provider, server.Url + path, Key));
    }

    public async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), Patience.Token);
        return socket;
    }

    public ValueTask CloseAsync() => _route.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _route.DisposeAsync();
        await _routes.DisposeAsync();
        _folder.Dispose();
    }
}
