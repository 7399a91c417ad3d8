using AgentKernel.Packaging.Backends.Oci.Registry;

namespace AgentKernel.Packaging.Backends.Oci.Images;

/// <summary>Blobs of base images that were fetched, by digest, so that each is fetched once.</summary>
internal sealed class BlobFolder(string folder)
{
    /// <summary>The file with the blob, fetched if need be. Throws <see cref="RegistryException"/>.</summary>
    public async Task<string> GetAsync(RegistryRepository from, Descriptor blob, CancellationToken cancellationToken, IProgress<long>? received = null)
    {
        // The digest was checked when the manifest was read: it is a safe name.
        var path = Path.Combine(folder, blob.Digest.Replace(':', '-'));
        if (File.Exists(path))
        {
            return path;
        }

        Directory.CreateDirectory(folder);
        // Two builds may fetch it at once; the one that is later replaces the same bytes.
        var partial = $"{path}.{Guid.NewGuid():n}";
        await from.DownloadAsync(blob, partial, cancellationToken, received);
        File.Move(partial, path, overwrite: true);
        return path;
    }
}
