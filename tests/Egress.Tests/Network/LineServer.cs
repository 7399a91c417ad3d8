using System.Net;
using System.Net.Sockets;
using System.Text;

namespace AgentKernel.Egress.Tests.Network;

/// <summary>A server on loopback that serves each connection as a test says.</summary>
internal sealed class LineServer : IAsyncDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<Task> _connections = [];
    private readonly Task _accepting;

    public LineServer(Func<Socket, CancellationToken, Task> serve)
    {
        _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _socket.Listen();
        _accepting = AcceptAsync(serve);
    }

    public EndPoint EndPoint => _socket.LocalEndPoint!; // it is bound

    /// <summary>Answers every HTTP request with its own head, and closes.</summary>
    public static LineServer EchoingHead() => new(async (socket, cancellationToken) =>
    {
        var head = await ReadHeadAsync(socket, cancellationToken);
        await socket.SendAsync(Encoding.Latin1.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: {head.Length}\r\n\r\n{head}"), cancellationToken);
    });

    public static async Task<string> ReadHeadAsync(Socket socket, CancellationToken cancellationToken)
    {
        var text = "";
        var one = new byte[1];
        while (!text.EndsWith("\r\n\r\n", StringComparison.Ordinal) && await socket.ReceiveAsync(one, cancellationToken) > 0)
        {
            text += (char)one[0];
        }

        return text;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _accepting;
        await Task.WhenAll(_connections);
        _socket.Dispose();
        _stopping.Dispose();
    }

    private async Task AcceptAsync(Func<Socket, CancellationToken, Task> serve)
    {
        try
        {
            while (true)
            {
                _connections.Add(ServeAsync(await _socket.AcceptAsync(_stopping.Token), serve));
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket socket, Func<Socket, CancellationToken, Task> serve)
    {
        using var _ = socket;
        try
        {
            await serve(socket, _stopping.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // The client is gone, or the test is over.
        }
    }
}
