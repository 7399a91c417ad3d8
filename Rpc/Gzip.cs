using System.Buffers;
using System.IO.Compression;
using System.IO.Pipelines;

namespace AgentKernel.Rpc;

/// <summary>The one compression that all three protocols share.</summary>
internal static class Gzip
{
    public const string Name = "gzip";

    /// <summary>The value of <c>grpc-accept-encoding</c> and <c>accept-encoding</c>.</summary>
    public const string Accepted = "gzip,identity";

    /// <summary>Decompresses a message. The size is checked on the way, so a small bomb costs no more than the limit.</summary>
    /// <exception cref="RpcException">ResourceExhausted beyond the limit, <paramref name="malformed"/> for broken data.</exception>
    public static PooledBuffer Decompress(ReadOnlySequence<byte> compressed, int maxBytes, RpcStatusCode malformed)
    {
        var buffer = new PooledBuffer();
        try
        {
            using var gzip = new GZipStream(PipeReader.Create(compressed).AsStream(), CompressionMode.Decompress);
            while (gzip.Read(buffer.GetFreeSpan()) is > 0 and var read)
            {
                buffer.Advance(read);
                if (buffer.Length > maxBytes)
                    throw new RpcException(RpcStatusCode.ResourceExhausted, $"the message is larger than the limit of {maxBytes} bytes when decompressed");
            }
            return buffer;
        }
        catch (Exception e)
        {
            buffer.Dispose();
            if (e is InvalidDataException)
                throw new RpcException(malformed, "the message is not valid gzip", e);
            throw;
        }
    }
}
