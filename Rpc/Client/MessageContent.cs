using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using AgentKernel.Rpc.Grpc;
using Google.Protobuf;

namespace AgentKernel.Rpc.Client;

/// <summary>A request body of one length-prefixed message.</summary>
internal sealed class MessageContent : HttpContent
{
    private readonly IMessage _message;
    private readonly bool _gzip;

    public MessageContent(IMessage message, bool gzip)
    {
        (_message, _gzip) = (message, gzip);
        Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (_gzip)
        {
            await stream.WriteAsync(Compress(), cancellationToken);
            return;
        }
        var length = FrameReader.HeaderLength + _message.CalculateSize();
        var frame = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            _message.WriteTo(frame.AsSpan(FrameReader.HeaderLength, length - FrameReader.HeaderLength));
            WriteHeader(frame, compressed: false, length);
            await stream.WriteAsync(frame.AsMemory(0, length), cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(frame);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _gzip ? 0 : FrameReader.HeaderLength + _message.CalculateSize();
        return !_gzip;
    }

    private Memory<byte> Compress()
    {
        var frame = new MemoryStream();
        frame.Write(new byte[FrameReader.HeaderLength]);
        using (var gzip = new GZipStream(frame, CompressionLevel.Fastest, leaveOpen: true))
            _message.WriteTo(gzip);
        WriteHeader(frame.GetBuffer(), compressed: true, (int)frame.Length);
        return frame.GetBuffer().AsMemory(0, (int)frame.Length);
    }

    private static void WriteHeader(Span<byte> frame, bool compressed, int length)
    {
        frame[0] = compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32BigEndian(frame[1..], length - FrameReader.HeaderLength);
    }
}
