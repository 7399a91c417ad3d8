using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;

namespace AgentKernel.AgentGateway.Agents;

/// <summary>The three things that the gateway asks of the spawner, over one channel that is opened at first use.</summary>
internal sealed class SpawnerLink : IDisposable
{
    private static readonly RpcCallOptions Brief = new() { Timeout = TimeSpan.FromSeconds(10) };

    private readonly Lazy<RpcChannel> _channel;

    // Pings while a call is open: a spawner that vanished without a word must end the watch, or the cache would be trusted for ever.
    private readonly SocketsHttpHandler _transport = new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        EnableMultipleHttp2Connections = true,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        KeepAlivePingDelay = TimeSpan.FromSeconds(10),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(5),
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
    };

    public SpawnerLink(Func<Uri> address, string serviceToken) =>
        _channel = new(
            () => new(address(), new() { BearerToken = serviceToken, Handler = _transport, MaxReceiveMessageBytes = 64 * 1024 * 1024 }),
            LazyThreadSafetyMode.PublicationOnly); // a failing address is not remembered

    public Task<ResolveAgentResponse> ResolveAsync(string agentId, string nonce, CancellationToken cancellationToken) =>
        _channel.Value.CallAsync(AgentSpawnerMethods.ResolveAgent, new() { AgentId = agentId, Nonce = nonce }, Brief, cancellationToken);

    public IAsyncEnumerable<WatchAgentsResponse> WatchAsync(CancellationToken cancellationToken) =>
        _channel.Value.StreamAsync(AgentSpawnerMethods.WatchAgents, new(), cancellationToken: cancellationToken);

    public Task<ReportActivityResponse> ReportAsync(ReportActivityRequest activities, CancellationToken cancellationToken) =>
        _channel.Value.CallAsync(AgentSpawnerMethods.ReportActivity, activities, Brief, cancellationToken);

    public void Dispose()
    {
        if (_channel.IsValueCreated)
        {
            _channel.Value.Dispose();
        }

        _transport.Dispose();
    }
}
