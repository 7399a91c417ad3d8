using System.Buffers;

namespace AgentKernel.Packaging.Archives;

/// <summary>Unpacks an archive that may be hostile into a folder, or only checks that it could be.</summary>
internal static class ArchiveExtractor
{
    private const int CopyBytes = 128 * 1024;
    private const UnixFileMode OwnerReads = UnixFileMode.UserRead;
    private const UnixFileMode OwnerUses = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>
    /// Unpacks <paramref name="archive"/> (tar, not compressed) into <paramref name="folder"/>, which must not exist, with the
    /// archive's permissions; the owner can always read. Throws <see cref="ArchiveException"/> when an entry is refused and
    /// <see cref="IOException"/> when the disk is; then, as after a cancellation, the folder is gone again.
    /// </summary>
    public static async Task<ArchiveTree> ExtractAsync(Stream archive, string folder, ArchiveLimits limits, CancellationToken cancellationToken)
    {
        if (Path.Exists(folder))
        {
            throw new IOException($"{folder} exists");
        }

        Directory.CreateDirectory(folder);
        try
        {
            return await ReadAsync(archive, folder, limits, cancellationToken);
        }
        catch
        {
            Discard(folder);
            throw;
        }
    }

    /// <summary>Reads all of the archive, and throws as <see cref="ExtractAsync"/> would; writes nothing.</summary>
    public static Task<ArchiveTree> CheckAsync(Stream archive, ArchiveLimits limits, CancellationToken cancellationToken) =>
        ReadAsync(archive, null, limits, cancellationToken);

    private static async Task<ArchiveTree> ReadAsync(Stream archive, string? folder, ArchiveLimits limits, CancellationToken cancellationToken)
    {
        var tree = new ArchiveTree(limits);
        var reader = new ArchiveReader(archive, limits);
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        try
        {
            while (await reader.NextAsync(cancellationToken) is { } entry)
            {
                var implied = tree.Add(entry);
                if (folder is null)
                {
                    continue;
                }

                foreach (var parent in implied)
                {
                    Directory.CreateDirectory(Path.Combine(folder, parent.Path), OwnerUses);
                }

                await WriteAsync(entry, reader, tree, folder, buffer, cancellationToken);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        tree.Complete();
        if (folder is not null)
        {
            // Last, since a folder that may not be written to would take no files.
            foreach (var entry in tree.Entries.Where(entry => entry.Kind is EntryKind.Directory))
            {
                File.SetUnixFileMode(Path.Combine(folder, entry.Path), entry.Mode | OwnerUses);
            }
        }

        return tree;
    }

    private static void Discard(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Why unpacking failed is what the caller has to know.
        }
    }

    private static async Task WriteAsync(ArchiveEntry entry, ArchiveReader reader, ArchiveTree tree, string folder, byte[] buffer, CancellationToken cancellationToken)
    {
        var path = Path.Combine(folder, entry.Path);
        switch (entry.Kind)
        {
            case EntryKind.Directory:
                Directory.CreateDirectory(path, OwnerUses);
                break;
            case EntryKind.SymbolicLink:
                File.CreateSymbolicLink(path, entry.Target!);
                break;
            case EntryKind.HardLink:
                // A copy: what shares a file with another entry here would change with it.
                await CopyAsync(Path.Combine(folder, tree.HardLinkSource(entry).Path), path, cancellationToken);
                break;
            default:
                await using (var file = Create(path))
                {
                    while (await reader.ReadAsync(buffer, cancellationToken) is var read and > 0)
                    {
                        await file.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                    }

                    File.SetUnixFileMode(file.SafeFileHandle, entry.Mode | OwnerReads);
                }

                break;
        }
    }

    private static async Task CopyAsync(string source, string path, CancellationToken cancellationToken)
    {
        await using var from = new FileStream(source, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        await using var file = Create(path);
        await from.CopyToAsync(file, CopyBytes, cancellationToken);
        File.SetUnixFileMode(file.SafeFileHandle, File.GetUnixFileMode(from.SafeFileHandle));
    }

    private static FileStream Create(string path) => new(path, new FileStreamOptions
    {
        Mode = FileMode.CreateNew,
        Access = FileAccess.Write,
        UnixCreateMode = OwnerReads | UnixFileMode.UserWrite,
        BufferSize = 0,
    });
}
