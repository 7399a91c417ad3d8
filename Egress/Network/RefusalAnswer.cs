using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace AgentKernel.Egress.Network;

/// <summary>Tells a client why it is not let through.</summary>
internal static class RefusalAnswer
{
    private const int MaxDrained = 1024 * 1024;

    /// <exception cref="SocketException">The client has hung up.</exception>
    /// <exception cref="OperationCanceledException">It does not take the answer in time.</exception>
    public static async Task SendAsync(Socket client, EgressRefusal refusal, TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(limit, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        var body = $"refused by the egress proxy: {refusal.Reason}\n";
        // The reason stands in the status line too: of an answer to CONNECT most programs show only that.
        var answer = string.Create(CultureInfo.InvariantCulture,
            $"HTTP/1.1 {refusal.Status} {refusal.Reason}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}");
        await Relay.SendAsync(client, Encoding.ASCII.GetBytes(answer), limited.Token);
        client.Shutdown(SocketShutdown.Send);
        // What it still sends is read away, within bounds: closing on it could take the answer from the client.
        var drain = new byte[4096];
        for (var drained = 0; drained < MaxDrained && await client.ReceiveAsync(drain, limited.Token) is > 0 and var read; drained += read)
        {
        }
    }
}
