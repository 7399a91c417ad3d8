using System.Buffers;
using System.Net;
using Microsoft.Win32.SafeHandles;

namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>A part of a file as a request's body, streamed.</summary>
internal sealed class FileRangeContent(SafeFileHandle file, long offset, long count, IdleTimer timer, IProgress<long>? sent) : HttpContent
{
    private const int CopyBytes = 128 * 1024;

    protected override bool TryComputeLength(out long length)
    {
        length = count;
        return true;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        try
        {
            for (long done = 0; done < count;)
            {
                var read = await RandomAccess.ReadAsync(file, buffer.AsMemory(0, (int)Math.Min(buffer.Length, count - done)), offset + done, cancellationToken);
                if (read == 0)
                {
                    throw new IOException("the file to be sent became shorter");
                }

                await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                done += read;
                timer.Restart();
                sent?.Report(offset + done);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
