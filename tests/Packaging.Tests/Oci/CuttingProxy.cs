using System.Net;
using System.Net.Sockets;

namespace AgentKernel.Packaging.Tests.Oci;

/// <summary>Stands before a server and cuts connections after so many bytes, a number of times; then it lets all through.</summary>
internal sealed class CuttingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _connections = [];
    private readonly Task _accepting;
    private readonly int _server;
    private readonly int _after;
    private int _left;

    public CuttingProxy(int server, int times, int after)
    {
        (_server, _left, _after) = (server, times, after);
        _listener.Start();
        Address = $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";
        _accepting = AcceptAsync();
    }

    public string Address { get; }

    /// <summary>How many cuts are still to come.</summary>
    public int Left => Volatile.Read(ref _left);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await Task.WhenAll(_connections);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var server = new TcpClient();
        using (client)
        {
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, _server, _stop.Token);
                // Either side's end is the connection's: HTTP has no half of one.
                await await Task.WhenAny(CopyAsync(client, server), CopyAsync(server, client));
            }
            catch (Exception ended) when (ended is OperationCanceledException or IOException or SocketException or ObjectDisposedException)
            {
                // Cut, or closed.
            }
        }
    }

    private async Task CopyAsync(TcpClient from, TcpClient to)
    {
        var (buffer, copied) = (new byte[64 * 1024], 0L);
        while (await from.GetStream().ReadAsync(buffer, _stop.Token) is var read and > 0)
        {
            await to.GetStream().WriteAsync(buffer.AsMemory(0, read), _stop.Token);
            copied += read;
            if (copied > _after && Interlocked.Decrement(ref _left) >= 0)
            {
                // A reset, as of a network that broke.
                from.LingerState = new LingerOption(true, 0);
                return;
            }
        }
    }
}
