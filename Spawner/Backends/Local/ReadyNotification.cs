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

    /// <summary>
    /// Returns when the program has said that it is ready, on a thread of the pool: what follows writes files. Other
    /// states that it tells are passed over.
    /// </summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        var buffer = new byte[4096];
        int length;
        do
        {
            length = await _socket.ReceiveAsync(buffer, cancellationToken);
        }
        while (!SaysReady(buffer.AsSpan(0, length)));

        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
    }

    public void Dispose()
    {
        _socket.Dispose();
        if (Directory.Exists(Path.GetDirectoryName(_path))) // or it went with a folder of the agent's own
        {
            File.Delete(_path);
        }
    }

    private static bool SaysReady(ReadOnlySpan<byte> states)
    {
        foreach (var line in states.Split((byte)'\n'))
        {
            if (states[line].SequenceEqual("READY=1"u8))
            {
                return true;
            }
        }

        return false;
    }
}
