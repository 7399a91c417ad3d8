using System.Buffers;
using System.Net.Sockets;

namespace AgentKernel.Egress.Network;

/// <summary>Carries bytes both ways between two connections. One side may be done sending long before the other.</summary>
internal static class Relay
{
    private const int BufferSize = 16 * 1024;

    /// <summary>Returns when both sides are done, one has broken, or nothing has moved for as long as <paramref name="idle"/>.</summary>
    public static async Task RunAsync(Socket client, Socket server, TimeSpan idle, TimeProvider time, CancellationToken cancellationToken)
    {
        using var quiet = new CancellationTokenSource(idle, time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(quiet.Token, cancellationToken);
        var halves = new[] { HalfAsync(client, server), HalfAsync(server, client) };
        await Task.WhenAll(halves);

        async Task HalfAsync(Socket from, Socket to)
        {
            var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
            try
            {
                int read;
                while ((read = await from.ReceiveAsync(buffer, ending.Token)) > 0)
                {
                    quiet.CancelAfter(idle);
                    await SendAsync(to, buffer.AsMemory(0, read), ending.Token);
                    quiet.CancelAfter(idle);
                }

                to.Shutdown(SocketShutdown.Send);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // With one direction broken the other has no meaning: both peers see the end.
                await ending.CancelAsync();
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    /// <summary>Sends all of it.</summary>
    public static async Task SendAsync(Socket to, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await to.SendAsync(bytes, cancellationToken)..];
        }
    }
}
