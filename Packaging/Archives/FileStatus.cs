using System.ComponentModel;
using System.Runtime.InteropServices;

namespace AgentKernel.Packaging.Archives;

/// <summary>
/// What a path is, without following a link. .NET does not tell a pipe from a file, and opening a pipe waits for its writer.
/// </summary>
internal sealed partial record FileStatus(FileStatus.FileType Type, UnixFileMode Mode, long Size)
{
    /// <summary>The file types of <c>st_mode</c>.</summary>
    internal enum FileType
    {
        Pipe = 0x1000,
        CharacterDevice = 0x2000,
        Directory = 0x4000,
        BlockDevice = 0x6000,
        File = 0x8000,
        SymbolicLink = 0xa000,
        Socket = 0xc000,
    }

    private const int CurrentFolder = -100;
    private const int NoFollow = 0x100;
    private const uint TypeModeAndSize = 0x1 | 0x2 | 0x200;

    /// <summary>Throws <see cref="IOException"/> when there is nothing at the path or it cannot be read.</summary>
    public static FileStatus Of(string path)
    {
        // struct statx is laid out alike on every architecture: the mode at 28, the size at 40.
        Span<byte> buffer = stackalloc byte[256];
        if (statx(CurrentFolder, path, NoFollow, TypeModeAndSize, ref MemoryMarshal.GetReference(buffer)) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            throw new IOException($"{path}: {new Win32Exception(error).Message}", error);
        }

        var mode = BitConverter.ToUInt16(buffer[28..]);
        return new((FileType)(mode & 0xf000), (UnixFileMode)mode & ArchiveEntry.PermissionBits, BitConverter.ToInt64(buffer[40..]));
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int statx(int folder, string path, int flags, uint mask, ref byte status);
}
