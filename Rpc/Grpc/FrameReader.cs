using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

namespace AgentKernel.Rpc.Grpc;

/// <summary>Reads length-prefixed messages: a flag byte, four bytes of big-endian length, the message.</summary>
/// <remarks>
/// Source: "Length-Prefixed-Message" of gRPC over HTTP2. <paramref name="malformed"/> is the status for bytes that
/// are none: InvalidArgument for a request, Internal for a response.
/// </remarks>
internal sealed class FrameReader(PipeReader body, string? encoding, int maxBytes, RpcStatusCode malformed)
{
    public const int HeaderLength = 5;

    /// <summary>The next message, or null at a clean end of the body.</summary>
    public async ValueTask<T?> ReadAsync<T>(Func<ReadOnlySequence<byte>, T> parse, CancellationToken cancellationToken)
        where T : class
    {
        while (true)
        {
            var read = await body.ReadAsync(cancellationToken);
            var (consumed, examined) = (read.Buffer.Start, read.Buffer.End);
            try
            {
                if (TryReadFrame(read.Buffer, out var compressed, out var payload))
                {
                    consumed = examined = payload.End;
                    return Parse(compressed, payload, parse);
                }
                if (read.IsCompleted)
                {
                    return read.Buffer.IsEmpty ? null
                        : throw new RpcException(malformed, "the body ends in the middle of a message");
                }
            }
            finally
            {
                body.AdvanceTo(consumed, examined);
            }
        }
    }

    private bool TryReadFrame(ReadOnlySequence<byte> buffer, out bool compressed, out ReadOnlySequence<byte> payload)
    {
        (compressed, payload) = (false, default);
        if (buffer.Length < HeaderLength)
            return false;
        Span<byte> header = stackalloc byte[HeaderLength];
        buffer.Slice(0, HeaderLength).CopyTo(header);
        if (header[0] > 1)
            throw new RpcException(malformed, $"a message starts with {header[0]}; the compressed flag is 0 or 1");
        compressed = header[0] == 1;
        var length = BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
        if (length > maxBytes)
            throw new RpcException(RpcStatusCode.ResourceExhausted, $"the message of {length} bytes is larger than the limit of {maxBytes} bytes");
        if (buffer.Length < HeaderLength + length)
            return false;
        payload = buffer.Slice(HeaderLength, length);
        return true;
    }

    private T Parse<T>(bool compressed, ReadOnlySequence<byte> payload, Func<ReadOnlySequence<byte>, T> parse)
    {
        if (!compressed)
            return parse(payload);
        // "Compression" of gRPC: the flag without an encoding is Internal.
        if (encoding is null or "identity")
            throw new RpcException(RpcStatusCode.Internal, "a message is flagged as compressed, and grpc-encoding names no compression");
        using var message = Gzip.Decompress(payload, maxBytes, malformed);
        return parse(new ReadOnlySequence<byte>(message.Written));
    }
}
