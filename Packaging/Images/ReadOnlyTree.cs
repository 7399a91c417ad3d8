using System.ComponentModel;
using System.Runtime.InteropServices;
using AgentKernel.Packaging.Archives;

namespace AgentKernel.Packaging.Images;

/// <summary>Folders that nobody writes to any more, and files that several of them share.</summary>
internal static partial class ReadOnlyTree
{
    private const UnixFileMode Folder = (UnixFileMode)0b101_101_101;
    private const UnixFileMode Plain = (UnixFileMode)0b100_100_100;
    private const int TooManyLinks = 31; // EMLINK
    private const int OtherDisk = 18; // EXDEV

    /// <summary>
    /// Takes from everybody the right to write, and gives everybody that to read; what its owner may execute everybody may.
    /// An agent in a sandbox is another user than the kernel.
    /// </summary>
    public static void Seal(string folder)
    {
        foreach (var path in Directory.EnumerateFileSystemEntries(folder))
        {
            switch (FileStatus.Of(path))
            {
                case { Type: FileStatus.FileType.Directory }:
                    Seal(path);
                    break;
                case { Type: FileStatus.FileType.File } file:
                    SealFile(path, file.Mode.HasFlag(UnixFileMode.UserExecute));
                    break;
            }
        }

        File.SetUnixFileMode(folder, Folder);
    }

    public static void SealFile(string path, bool executable) => File.SetUnixFileMode(path, executable ? Folder : Plain);

    /// <summary>Makes <paramref name="target"/>, which must not exist, a folder with the same files, shared and not copied.</summary>
    /// <returns>How many files there are, and the sum of their lengths.</returns>
    public static (long Files, long Bytes) Link(string source, string target, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(target);
        var (files, bytes) = (0L, 0L);
        foreach (var path in Directory.EnumerateFileSystemEntries(source))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var to = Path.Combine(target, Path.GetFileName(path));
            switch (FileStatus.Of(path))
            {
                case { Type: FileStatus.FileType.Directory }:
                    var inner = Link(path, to, cancellationToken);
                    (files, bytes) = (files + inner.Files, bytes + inner.Bytes);
                    break;
                case { Type: FileStatus.FileType.SymbolicLink }:
                    File.CreateSymbolicLink(to, new FileInfo(path).LinkTarget!); // it is one
                    files++;
                    break;
                case { Size: var size }:
                    LinkFile(path, to);
                    (files, bytes) = (files + 1, bytes + size);
                    break;
            }
        }

        return (files, bytes);
    }

    /// <summary>Gives a file a second name; copies it where the file system cannot.</summary>
    public static void LinkFile(string source, string target)
    {
        if (link(source, target) == 0)
        {
            return;
        }

        var error = Marshal.GetLastPInvokeError();
        if (error is not (TooManyLinks or OtherDisk))
        {
            throw new IOException($"{target}: {new Win32Exception(error).Message}", error);
        }

        File.Copy(source, target);
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int link(string from, string to);
}
