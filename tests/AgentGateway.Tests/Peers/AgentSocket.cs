using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace AgentKernel.AgentGateway.Tests.Peers;

/// <summary>One connection to a scripted agent: requests in, bytes out.</summary>
internal sealed class AgentSocket(Socket socket) : IDisposable
{
    private byte[] _buffer = new byte[64 * 1024];
    private int _length;

    /// <summary>The next request with its whole body; null when the peer has closed.</summary>
    public async Task<AgentCall?> ReadRequestAsync()
    {
        int head;
        while ((head = _buffer.AsSpan(0, _length).IndexOf("\r\n\r\n"u8)) < 0)
        {
            if (!await FillAsync())
            {
                return null;
            }
        }

        var lines = Encoding.ASCII.GetString(_buffer, 0, head).Split("\r\n");
        var headers = lines.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
        var bodyLength = headers.TryGetValue("content-length", out var text) ? int.Parse(text, CultureInfo.InvariantCulture) : 0;
        var total = head + 4 + bodyLength;
        while (_length < total)
        {
            if (!await FillAsync())
            {
                return null;
            }
        }

        var body = _buffer[(head + 4)..total];
        _buffer.AsSpan(total, _length - total).CopyTo(_buffer);
        _length -= total;
        return new(this, lines[0], headers, body);
    }

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            while (bytes.Length > 0)
            {
                bytes = bytes[await socket.SendAsync(bytes)..];
            }
        }
        catch (ObjectDisposedException)
        {
            throw new SocketException((int)SocketError.Shutdown); // closed here, after the peer had
        }
    }

    /// <summary>Ends the stream to the peer, which still may send.</summary>
    public void CloseSending() => Shutdown(SocketShutdown.Send);

    /// <summary>Ends both directions, which also wakes the read that waits for the next request.</summary>
    public void Reset() => Shutdown(SocketShutdown.Both);

    public void Dispose() => socket.Dispose();

    private void Shutdown(SocketShutdown how)
    {
        try
        {
            socket.Shutdown(how);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The peer was faster.
        }
    }

    private async Task<bool> FillAsync()
    {
        if (_length == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        try
        {
            var read = await socket.ReceiveAsync(_buffer.AsMemory(_length));
            _length += read;
            return read > 0;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }
}
