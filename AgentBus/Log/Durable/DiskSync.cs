using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace AgentKernel.AgentBus.Log.Durable;

/// <summary>Brings what was written to the disk itself. .NET knows fsync of files only: neither fdatasync nor folders.</summary>
internal static partial class DiskSync
{
    private const int ReadOnlyFolder = 0x10000 | 0x80000; // O_DIRECTORY | O_CLOEXEC

    /// <summary>A file's content and what is needed to find it again, its length included.</summary>
    public static void Data(SafeFileHandle file)
    {
        if (FDataSync(file) != 0)
        {
            throw new IOException($"fdatasync failed: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>Which files a folder has.</summary>
    public static void Folder(string path)
    {
        using var folder = Open(path, ReadOnlyFolder);
        if (folder.IsInvalid || FSync(folder) != 0)
        {
            throw new IOException($"fsync of {path} failed: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FDataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);
}
