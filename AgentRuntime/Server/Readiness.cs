using System.Net.Sockets;

namespace AgentKernel.AgentRuntime.Server;

/// <summary>Tells the starter that the agent accepts connections, by the protocol of sd_notify(3).</summary>
internal static class Readiness
{
    /// <param name="notifySocket">The value of NOTIFY_SOCKET: a path, or a name in the abstract namespace behind an @.</param>
    public static void Announce(string? notifySocket)
    {
        if (notifySocket is null)
            return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.SendTo("READY=1"u8, new UnixDomainSocketEndPoint(notifySocket is ['@', .. var name] ? $"\0{name}" : notifySocket));
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            // Not fatal: who does not hear of it sees /health answer.
            Diagnostics.Write($"cannot notify of readiness: {e.Message}");
        }
    }
}
