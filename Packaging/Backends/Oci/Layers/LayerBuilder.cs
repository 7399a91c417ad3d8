using AgentKernel.Packaging.Archives;
using AgentKernel.Packaging.Backends.Oci.Images;

namespace AgentKernel.Packaging.Backends.Oci.Layers;

/// <summary>A layer in a file.</summary>
/// <param name="DiffId">The digest of the tar in it.</param>
internal sealed record BuiltLayer(Descriptor Descriptor, Digest DiffId, string File, string CreatedBy);

/// <summary>Makes layers: a deterministic tar, compressed on all cores.</summary>
internal static class LayerBuilder
{
    /// <summary>
    /// The level of zlib-ng, which .NET has, at which layers are as large as those of other image tools at their default.
    /// Higher ones save three percent and take half as long again.
    /// </summary>
    public const int DefaultLevel = 3;

    private const UnixFileMode OwnerReadsAndExecutes = UnixFileMode.UserRead | UnixFileMode.UserExecute;

    /// <summary>
    /// Writes the layer to <paramref name="file"/>, which must not exist. Throws as <see cref="FolderArchive"/> does; then, as
    /// after a cancellation, the file is gone.
    /// </summary>
    /// <param name="bytesRead">Told the number of bytes of the folder's files read so far.</param>
    public static async Task<BuiltLayer> BuildAsync(
        LayerSource source, string file, CancellationToken cancellationToken, int level = DefaultLevel, IProgress<long>? bytesRead = null)
    {
        try
        {
            GzipDigests digests;
            await using (var output = new FileStream(file, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
            await using (var gzip = new ParallelGzipStream(output, level))
            {
                await (source switch
                {
                    FolderLayer folder => WriteAsync(folder, gzip, bytesRead, cancellationToken),
                    TarLayer tar => WriteAsync(tar, gzip, bytesRead, cancellationToken),
                    _ => throw new ArgumentOutOfRangeException(nameof(source)),
                });
                digests = await gzip.CompleteAsync(cancellationToken);
            }

            return new(new(MediaTypes.GzipLayer, digests.Compressed.ToString(), digests.Size), digests.Uncompressed, file, source.CreatedBy);
        }
        catch
        {
            File.Delete(file);
            throw;
        }
    }

    private static async Task WriteAsync(FolderLayer source, Stream output, IProgress<long>? bytesRead, CancellationToken cancellationToken)
    {
        var writer = new ArchiveWriter(output);
        for (var slash = source.Prefix.IndexOf('/', StringComparison.Ordinal); slash >= 0; slash = source.Prefix.IndexOf('/', slash + 1))
        {
            await writer.WriteAsync(ArchiveEntry.Directory(source.Prefix[..slash]), null, cancellationToken);
        }

        if (source.Prefix.Length > 0)
        {
            await writer.WriteAsync(ArchiveEntry.Directory(source.Prefix), null, cancellationToken);
        }

        await FolderArchive.AppendAsync(writer, source.Folder, source.Prefix, cancellationToken, source.KeepModes ? null : ReadableByAll, bytesRead);
        await writer.CompleteAsync(cancellationToken);
    }

    private static async Task WriteAsync(TarLayer source, Stream output, IProgress<long>? bytesRead, CancellationToken cancellationToken)
    {
        await using var tar = new FileStream(source.File, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        var buffer = new byte[GzipBlock.Size];
        while (await tar.ReadAsync(buffer, cancellationToken) is var read and > 0)
        {
            // What is no tar would be an image that no tool unpacks.
            if (tar.Position == read && !(read >= TarBlock.Size && TarBlock.HasValidChecksum(buffer.AsSpan(0, TarBlock.Size))))
            {
                throw new ArchiveException($"{source.File} is no tar archive");
            }

            await output.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            bytesRead?.Report(tar.Position);
        }
    }

    /// <summary>The files belong to root in the image, and the agent there is somebody else.</summary>
    private static UnixFileMode ReadableByAll(UnixFileMode mode)
    {
        var owner = (int)(mode & OwnerReadsAndExecutes);
        return mode | (UnixFileMode)(owner >> 3) | (UnixFileMode)(owner >> 6);
    }
}
