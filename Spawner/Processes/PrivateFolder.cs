using System.Runtime.InteropServices;

namespace AgentKernel.Spawner.Processes;

/// <summary>Looks whether a folder can be trusted: .NET does not tell whose a file is.</summary>
internal static class PrivateFolder
{
    private const int StatusBytes = 256;
    private const int OwnerOffset = 20; // stx_uid
    private const int ModeOffset = 28; // stx_mode
    private const int OwnerOnlyFolder = 0x41C0; // S_IFDIR | 0700

    /// <summary>Whether there is a folder at the path, no link, that is this user's and that no other can enter (mode 0700).</summary>
    public static unsafe bool IsAt(string path)
    {
        var status = stackalloc byte[StatusBytes];
        return NativeMethods.StatX(NativeMethods.AtCurrentDirectory, path, NativeMethods.AtNoFollow, NativeMethods.StatTypeModeOwner, status) == 0
            && MemoryMarshal.Read<uint>(new(status + OwnerOffset, sizeof(uint))) == NativeMethods.EffectiveUser()
            && MemoryMarshal.Read<ushort>(new(status + ModeOffset, sizeof(ushort))) == OwnerOnlyFolder;
    }
}
