using AgentKernel.Packaging.Archives;
using AgentKernel.Packaging.Backends.Oci.Images;

namespace AgentKernel.Packaging.Backends.Oci.Layers;

/// <summary>A folder that becomes a layer.</summary>
/// <param name="Folder">What goes into it.</param>
/// <param name="Prefix">Where in the image: a path without slashes at its ends, or empty for the root.</param>
/// <param name="CreatedBy">For the image's history.</param>
internal sealed record LayerSource(string Folder, string Prefix, string CreatedBy)
{
    /// <summary>Keeps permissions as they are. Otherwise whoever runs in the image can read what the owner can.</summary>
    public bool KeepModes { get; init; }
}

/// <summary>A layer in a file.</summary>
/// <param name="DiffId">The digest of the tar in it.</param>
internal sealed record BuiltLayer(Descriptor Descriptor, Digest DiffId, string File, string CreatedBy);

/// <summary>Makes layers: a deterministic tar, compressed on all cores.</summary>
internal static class LayerBuilder
{
    /// <summary>gzip's own default, and that of the tools it is compared with.</summary>
    public const int DefaultLevel = 6;

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
                var writer = new ArchiveWriter(gzip);
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

    /// <summary>The files belong to root in the image, and the agent there is somebody else.</summary>
    private static UnixFileMode ReadableByAll(UnixFileMode mode)
    {
        var owner = (int)(mode & OwnerReadsAndExecutes);
        return mode | (UnixFileMode)(owner >> 3) | (UnixFileMode)(owner >> 6);
    }
}
