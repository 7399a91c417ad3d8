using System.Runtime.InteropServices;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>
/// Takes an agent's socket out of its reach. The agent can replace what is in its folder by a link to any other socket,
/// which the kernel and the gateway would then speak to in its stead; a second name of the socket itself, in a folder that
/// the agent does not have, stays what it is.
/// </summary>
internal static class SandboxSocket
{
    private const int AlreadyThere = 17; // EEXIST
    private const int StatusBytes = 256;
    private const int ModeOffset = 28; // stx_mode
    private const int TypeMask = 0xF000;
    private const int SocketType = 0xC000;

    /// <summary>Gives what now is at <paramref name="inside"/> the name <paramref name="outside"/>; returns why not, or null.</summary>
    public static string? Pin(string inside, string outside)
    {
        File.Delete(outside);
        if (NativeMethods.Link(inside, outside) != 0)
        {
            return Marshal.GetLastPInvokeError() == AlreadyThere ? null : "it does not listen on its unix_socket";
        }

        if (IsSocket(outside))
        {
            return null;
        }

        File.Delete(outside);
        return "what is at its unix_socket is no socket";
    }

    private static unsafe bool IsSocket(string path)
    {
        var status = stackalloc byte[StatusBytes];
        return NativeMethods.StatX(NativeMethods.AtCurrentDirectory, path, NativeMethods.AtNoFollow, NativeMethods.StatTypeModeOwner, status) == 0
            && (MemoryMarshal.Read<ushort>(new(status + ModeOffset, sizeof(ushort))) & TypeMask) == SocketType;
    }
}
