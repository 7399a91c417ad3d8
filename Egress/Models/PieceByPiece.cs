using System.Buffers;

namespace AgentKernel.Egress.Models;

/// <summary>Copies a stream without holding anything back.</summary>
internal static class PieceByPiece
{
    private const int BufferSize = 16 * 1024;

    /// <param name="moved">Called after every read and every write.</param>
    public static async Task CopyAsync(Stream from, Stream to, Action moved, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            int read;
            while ((read = await from.ReadAsync(buffer, cancellationToken)) > 0)
            {
                moved();
                await to.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                await to.FlushAsync(cancellationToken);
                moved();
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
