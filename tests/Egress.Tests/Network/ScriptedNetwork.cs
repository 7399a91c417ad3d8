using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using AgentKernel.Egress.Network;

namespace AgentKernel.Egress.Tests.Network;

/// <summary>
/// An internet in one machine: names have the addresses that a test gives them, and addresses are answered by servers on
/// loopback. Connections are real ones.
/// </summary>
internal sealed class ScriptedNetwork : IEgressNetwork
{
    private readonly ConcurrentDictionary<string, IPAddress[]> _names = new();
    private readonly ConcurrentDictionary<IPEndPoint, IPEndPoint> _servers = new();

    /// <summary>What has been connected to, in order.</summary>
    public ConcurrentQueue<IPEndPoint> Connected { get; } = new();

    /// <summary>Called at each resolution, before the answer.</summary>
    public Func<string, CancellationToken, Task> Resolving { get; set; } = (_, _) => Task.CompletedTask;

    public void Name(string name, params string[] addresses) => _names[name] = [.. addresses.Select(IPAddress.Parse)];

    public void Serve(string endpoint, EndPoint server) => _servers[IPEndPoint.Parse(endpoint)] = (IPEndPoint)server;

    public async Task<IPAddress[]> ResolveAsync(string name, CancellationToken cancellationToken)
    {
        await Resolving(name, cancellationToken);
        return _names.TryGetValue(name, out var addresses) ? addresses : throw new SocketException((int)SocketError.HostNotFound);
    }

    public Task<Socket> ConnectAsync(IPEndPoint endpoint, CancellationToken cancellationToken)
    {
        Connected.Enqueue(endpoint);
        return _servers.TryGetValue(endpoint, out var server) ? SystemNetwork.Instance.ConnectAsync(server, cancellationToken)
            : throw new SocketException((int)SocketError.NetworkUnreachable);
    }
}
