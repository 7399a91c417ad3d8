using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace AgentKernel.Benchmarks;

/// <summary>
/// A connection that makes unary gRPC calls one after the other, for as little processor time as can be: what is measured
/// is the server, and not its clients on the same machine. Speaks just as much HTTP/2 as that takes (RFC 9113), and checks
/// of each answer that it has a message, which a refusal has not.
/// </summary>
internal sealed class LeanGrpcConnection : IDisposable
{
    private const int FrameHeader = 9;
    private const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, Ping = 6, GoAway = 7, WindowUpdate = 8;
    private const byte EndStream = 1, Ack = 1, EndHeaders = 4;

    private readonly Socket _socket;
    private readonly byte[] _headers;
    private readonly byte[] _received = new byte[64 * 1024];
    private byte[] _request = [];
    private int _filled;
    private int _stream = -1;

    private LeanGrpcConnection(Socket socket, byte[] headers) => (_socket, _headers) = (socket, headers);

    public static async Task<LeanGrpcConnection> OpenAsync(Uri address, string path, string? bearer)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, address.Port));
        // No settings, and a connection window that no answer fills.
        byte[] opening = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, Settings, 0, 0, 0, 0, 0, 0, 0, 4, WindowUpdate, 0, 0, 0, 0, 0, 0x3F, 0xFF, 0, 0];
        await socket.SendAsync(opening);
        return new(socket, EncodeHeaders(address.Authority, path, bearer));
    }

    /// <summary>Makes one call and returns when its answer is complete.</summary>
    public async Task CallAsync(ReadOnlyMemory<byte> message)
    {
        _stream += 2;
        var size = WriteRequest(message.Span);
        await _socket.SendAsync(_request.AsMemory(..size));
        var answered = false;
        while (true)
        {
            var at = 0;
            while (_filled - at >= FrameHeader && FrameLength(at) is var length && _filled - at >= FrameHeader + length)
            {
                var (type, flags) = (_received[at + 3], _received[at + 4]);
                switch (type)
                {
                    case Reset:
                    case GoAway:
                        throw new IOException($"the server ended stream {_stream}");
                    case Settings when (flags & Ack) == 0:
                    case Ping when (flags & Ack) == 0:
                        byte[] ack = type == Settings ? [0, 0, 0, Settings, Ack, 0, 0, 0, 0] : [0, 0, 8, Ping, Ack, 0, 0, 0, 0, .. _received.AsSpan(at + FrameHeader, 8)];
                        await _socket.SendAsync(ack);
                        break;
                    case Data:
                    case Headers:
                        answered |= type == Data && length >= 5;
                        if ((flags & EndStream) != 0)
                        {
                            Keep(at + FrameHeader + length);
                            if (!answered)
                            {
                                throw new IOException("the server refused the call");
                            }

                            return;
                        }

                        break;
                }

                at += FrameHeader + length;
            }

            Keep(at);
            var read = await _socket.ReceiveAsync(_received.AsMemory(_filled));
            _filled += read > 0 ? read : throw new IOException("the server closed the connection");
        }
    }

    public void Dispose() => _socket.Dispose();

    private int FrameLength(int at) => (_received[at] << 16) | (_received[at + 1] << 8) | _received[at + 2];

    private void Keep(int from)
    {
        _received.AsSpan(from.._filled).CopyTo(_received);
        _filled -= from;
    }

    // Headers, and one frame of data with gRPC's five bytes before the message.
    private int WriteRequest(ReadOnlySpan<byte> message)
    {
        var size = _headers.Length + FrameHeader + 5 + message.Length;
        if (_request.Length < size)
        {
            _request = new byte[size * 2];
        }

        var into = _request.AsSpan();
        _headers.CopyTo(into);
        BinaryPrimitives.WriteInt32BigEndian(into[5..], _stream);
        into = into[_headers.Length..];
        BinaryPrimitives.WriteInt32BigEndian(into, ((5 + message.Length) << 8) | Data);
        into[4] = EndStream;
        BinaryPrimitives.WriteInt32BigEndian(into[5..], _stream);
        into[FrameHeader] = 0;
        BinaryPrimitives.WriteInt32BigEndian(into[(FrameHeader + 1)..], message.Length);
        message.CopyTo(into[(FrameHeader + 5)..]);
        return size;
    }

    // HPACK (RFC 7541) without its tables' growing part: names of the static table, values as they are.
    private static byte[] EncodeHeaders(string authority, string path, string? bearer)
    {
        List<byte> block = [0x83, 0x86, 0x04, .. Text(path), 0x01, .. Text(authority), 0x0F, 0x10, .. Text("application/grpc"), 0x00, .. Text("te"), .. Text("trailers")];
        if (bearer is not null)
        {
            block.AddRange([0x0F, 0x08, .. Text($"Bearer {bearer}")]);
        }

        return [(byte)(block.Count >> 16), (byte)(block.Count >> 8), (byte)block.Count, Headers, EndHeaders, 0, 0, 0, 0, .. block];
    }

    private static byte[] Text(string text) => text.Length < 127 ? [(byte)text.Length, .. Encoding.ASCII.GetBytes(text)] : throw new ArgumentException("too long for one byte of length", nameof(text));
}
