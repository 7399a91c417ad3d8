using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Text;

namespace AgentKernel.Egress.Network;

/// <summary>The first line and the headers of an HTTP/1.1 message, and what came with them from behind.</summary>
/// <param name="Rest">Bytes after the head that have been read already.</param>
internal sealed record MessageHead(string FirstLine, IReadOnlyList<KeyValuePair<string, string>> Headers, ReadOnlyMemory<byte> Rest)
{
    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    /// <summary>Reads a head from a connection; null when it ends before its first byte.</summary>
    /// <exception cref="EgressRefusedException">It is malformed or too long, or ends too soon.</exception>
    /// <exception cref="SocketException">The connection breaks.</exception>
    public static async Task<MessageHead?> ReadAsync(Socket socket, int limit, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(limit);
        try
        {
            var length = 0;
            while (length < limit)
            {
                var read = await socket.ReceiveAsync(buffer.AsMemory(length, limit - length), cancellationToken);
                if (read == 0)
                {
                    return length == 0 ? null : throw Malformed("the connection ended within the headers");
                }

                var from = Math.Max(0, length - 3);
                length += read;
                var end = buffer.AsSpan(from, length - from).IndexOf("\r\n\r\n"u8);
                if (end >= 0)
                {
                    end += from;
                    return Parse(Encoding.Latin1.GetString(buffer, 0, end), buffer.AsSpan(end + 4, length - end - 4).ToArray());
                }
            }

            throw Malformed($"the headers are longer than {limit} bytes");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
    }

    /// <summary>The head as it is sent.</summary>
    public byte[] ToBytes()
    {
        var text = new StringBuilder(FirstLine).Append("\r\n");
        foreach (var (name, value) in Headers)
        {
            text.Append(name).Append(": ").Append(value).Append("\r\n");
        }

        return Encoding.Latin1.GetBytes(text.Append("\r\n").ToString());
    }

    private static MessageHead Parse(string text, byte[] rest)
    {
        var lines = text.Split("\r\n");
        var headers = new List<KeyValuePair<string, string>>(lines.Length - 1);
        foreach (var line in lines)
        {
            if (line.AsSpan().ContainsAnyInRange('\0', '\x08') || line.AsSpan().ContainsAnyInRange('\x0a', '\x1f') || line.Contains('\x7f'))
            {
                throw Malformed("there is a control character in the headers");
            }
        }

        foreach (var line in lines.AsSpan(1))
        {
            var colon = line.IndexOf(':');
            if (colon <= 0 || line.AsSpan(0, colon).ContainsAnyExcept(TokenCharacters))
            {
                throw Malformed("a header is malformed");
            }

            headers.Add(new(line[..colon], line[(colon + 1)..].Trim(' ', '\t')));
        }

        return new(lines[0], headers, rest);
    }

    [DoesNotReturn]
    private static EgressRefusedException Malformed(string reason) => throw new EgressRefusedException(new(EgressRefusalKind.Malformed, reason));
}
