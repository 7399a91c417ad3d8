using System.Net;
using System.Net.Sockets;

namespace AgentKernel.Egress.Network;

/// <summary>The network behind the proxy.</summary>
internal interface IEgressNetwork
{
    /// <summary>All addresses of a name, the best first.</summary>
    /// <exception cref="SocketException">It has none.</exception>
    Task<IPAddress[]> ResolveAsync(string name, CancellationToken cancellationToken);

    /// <summary>Connects to that address and no other. The caller disposes the socket.</summary>
    /// <exception cref="SocketException">Nothing answers there.</exception>
    Task<Socket> ConnectAsync(IPEndPoint endpoint, CancellationToken cancellationToken);
}

/// <summary>The real one.</summary>
internal sealed class SystemNetwork : IEgressNetwork
{
    public static readonly SystemNetwork Instance = new();

    public Task<IPAddress[]> ResolveAsync(string name, CancellationToken cancellationToken) => Dns.GetHostAddressesAsync(name, cancellationToken);

    public async Task<Socket> ConnectAsync(IPEndPoint endpoint, CancellationToken cancellationToken)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endpoint, cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
