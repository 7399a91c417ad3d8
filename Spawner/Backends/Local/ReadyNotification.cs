using System.Net.Sockets;

namespace AgentKernel.Spawner.Backends.Local;

/// <summary>The receiving end of sd_notify(3): a datagram socket on which a starting program says <c>READY=1</c>.</summary>
internal sealed class ReadyNotification : IDisposable
{
    /// <summary>The variable that tells a program where to send.</summary>
    public const string Variable = "NOTIFY_SOCKET";

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly string _path;

    public ReadyNotification(string path)
    {
        _path = path;
        _socket.Bind(new UnixDomainSocketEndPoint(path));
    }

    /// <summary>Returns when the program has said that it is ready. Other states that it tells are passed over.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        var buffer = new byte[4096];
        while (true)
        {
            var length = await _socket.ReceiveAsync(buffer, cancellationToken);
            foreach (var line in buffer.AsSpan(0, length).Split((byte)'\n'))
            {
                if (buffer.AsSpan(line).SequenceEqual("READY=1"u8))
                {
                    return;
                }
            }
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        if (Directory.Exists(Path.GetDirectoryName(_path))) // or it went with a folder of the agent's own
        {
            File.Delete(_path);
        }
    }
}
