namespace AgentKernel.Packaging.Archives;

/// <summary>
/// Makes a tar archive of a folder: the same files with the same permissions give the same bytes, wherever the folder lies,
/// however it came about and whenever it is done. Hard links become files of their own.
/// </summary>
internal static class FolderArchive
{
    /// <summary>
    /// Writes the folder's content as a whole archive. Throws <see cref="ArchiveException"/> for a pipe, socket or device in it
    /// and for a file that changes meanwhile; <see cref="IOException"/> for what cannot be read.
    /// </summary>
    public static async Task WriteAsync(string folder, Stream output, CancellationToken cancellationToken, IProgress<long>? bytesRead = null)
    {
        var writer = new ArchiveWriter(output);
        await AppendAsync(writer, folder, "", cancellationToken, bytesRead: bytesRead);
        await writer.CompleteAsync(cancellationToken);
    }

    /// <summary>Adds the folder's content below <paramref name="prefix"/>, which is empty or a path without a slash at its ends.</summary>
    /// <param name="mode">What becomes of the permissions; null keeps them.</param>
    public static Task AppendAsync(
        ArchiveWriter writer, string folder, string prefix, CancellationToken cancellationToken,
        Func<UnixFileMode, UnixFileMode>? mode = null, IProgress<long>? bytesRead = null) =>
        new Walk(writer, mode ?? (kept => kept), bytesRead, cancellationToken).FolderAsync(folder, prefix);

    private sealed class Walk(ArchiveWriter writer, Func<UnixFileMode, UnixFileMode> mode, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        private long _bytes;

        public async Task FolderAsync(string folder, string prefix)
        {
            var names = Directory.EnumerateFileSystemEntries(folder).Select(path => Path.GetFileName(path)!).ToArray();
            Array.Sort(names, string.CompareOrdinal);
            foreach (var name in names)
            {
                cancellationToken.ThrowIfCancellationRequested();
                await EntryAsync(Path.Combine(folder, name), prefix.Length == 0 ? name : $"{prefix}/{name}");
            }
        }

        private async Task EntryAsync(string path, string name)
        {
            var status = FileStatus.Of(path);
            switch (status.Type)
            {
                case FileStatus.FileType.Directory:
                    await writer.WriteAsync(ArchiveEntry.Directory(name, mode(status.Mode)), null, cancellationToken);
                    await FolderAsync(path, name);
                    break;
                case FileStatus.FileType.File:
                    await FileAsync(path, name, status);
                    break;
                case FileStatus.FileType.SymbolicLink:
                    var target = new FileInfo(path).LinkTarget ?? throw ArchiveException.OfEntry(name, "changed while it was read");
                    await writer.WriteAsync(ArchiveEntry.SymbolicLink(name, target), null, cancellationToken);
                    break;
                default:
                    throw ArchiveException.OfEntry(name, "is a pipe, socket or device, which an archive cannot hold");
            }
        }

        private async Task FileAsync(string path, string name, FileStatus status)
        {
            // No buffer of the stream's own: the writer reads in large pieces.
            await using var content = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            await writer.WriteAsync(ArchiveEntry.File(name, status.Size, mode(status.Mode)), content, cancellationToken);
            _bytes += status.Size;
            progress?.Report(_bytes);
        }
    }
}
