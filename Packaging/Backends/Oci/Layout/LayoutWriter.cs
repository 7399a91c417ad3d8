using AgentKernel.Packaging.Archives;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Backends.Oci.Registry;

namespace AgentKernel.Packaging.Backends.Oci.Layout;

/// <summary>Writes an image as an OCI layout: a folder, or a tar of one (OCI image specification 1.1, image layout).</summary>
/// <param name="baseBlobs">Where the base's layers are kept.</param>
/// <param name="baseRepository">Where the base's layers come from; null for an empty base.</param>
internal sealed class LayoutWriter(OciImage image, string tag, BlobFolder baseBlobs, RegistryRepository? baseRepository)
{
    private const string TagAnnotation = "org.opencontainers.image.ref.name";
    private const string Blobs = "blobs/sha256";

    /// <summary>Makes the folder, which must not exist. When it fails the folder is gone.</summary>
    public async Task WriteFolderAsync(string folder, CancellationToken cancellationToken)
    {
        if (Path.Exists(folder))
        {
            throw new IOException($"{folder} exists");
        }

        // Beside its place: a reader sees all of it or nothing.
        var partial = $"{folder}.{Guid.NewGuid():n}";
        Directory.CreateDirectory(Path.Combine(partial, Blobs));
        try
        {
            foreach (var (name, file, bytes) in await EntriesAsync(cancellationToken))
            {
                var path = Path.Combine(partial, name);
                if (bytes is not null)
                {
                    await File.WriteAllBytesAsync(path, bytes, cancellationToken);
                }
                else
                {
                    File.Copy(file!, path);
                }
            }

            Directory.Move(partial, folder);
        }
        catch
        {
            Directory.Delete(partial, recursive: true);
            throw;
        }
    }

    /// <summary>Makes the archive, which must not exist. The same image gives the same bytes. When it fails the file is gone.</summary>
    public async Task WriteArchiveAsync(string archive, CancellationToken cancellationToken)
    {
        var partial = $"{archive}.{Guid.NewGuid():n}";
        try
        {
            await using (var output = new FileStream(partial, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 128 * 1024))
            {
                var writer = new ArchiveWriter(output);
                await writer.WriteAsync(ArchiveEntry.Directory("blobs"), null, cancellationToken);
                await writer.WriteAsync(ArchiveEntry.Directory(Blobs), null, cancellationToken);
                foreach (var (name, file, bytes) in await EntriesAsync(cancellationToken))
                {
                    await using Stream content = bytes is not null ? new MemoryStream(bytes) : new FileStream(file!, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
                    await writer.WriteAsync(ArchiveEntry.File(name, content.Length), content, cancellationToken);
                }

                await writer.CompleteAsync(cancellationToken);
            }

            File.Move(partial, archive, overwrite: false);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    /// <summary>Everything in the layout, sorted by name: a file that exists, or bytes.</summary>
    private async Task<IReadOnlyList<(string Name, string? File, byte[]? Bytes)>> EntriesAsync(CancellationToken cancellationToken)
    {
        var entries = new SortedDictionary<string, (string? File, byte[]? Bytes)>(StringComparer.Ordinal)
        {
            ["oci-layout"] = (null, Documents.Write(new LayoutVersion("1.0.0"))),
            ["index.json"] = (null, Index()),
            [$"{Blobs}/{image.Digest.Hex}"] = (null, image.Manifest),
            [$"{Blobs}/{image.ConfigDigest.Hex}"] = (null, image.Config),
        };
        foreach (var layer in image.Layers)
        {
            entries[NameOf(layer.Descriptor)] = (layer.File, null);
        }

        // Two layers can be the same, and then are one blob.
        foreach (var layer in image.Base.Layers.Where(layer => !MediaTypes.IsForeign(layer.MediaType) && !entries.ContainsKey(NameOf(layer))))
        {
            entries[NameOf(layer)] = (await baseBlobs.GetAsync(baseRepository!, layer, cancellationToken), null);
        }

        return [.. entries.Select(entry => (entry.Key, entry.Value.File, entry.Value.Bytes))];
    }

    private byte[] Index() => Documents.Write(new ImageIndex(2, MediaTypes.Index,
    [
        new(MediaTypes.Manifest, image.Digest.ToString(), image.Manifest.Length)
        {
            Platform = ImageConfig.PlatformOf(image.Base.Config),
            Annotations = new SortedDictionary<string, string>(StringComparer.Ordinal) { [TagAnnotation] = tag },
        },
    ]));

    private static string NameOf(Descriptor layer) => $"{Blobs}/{layer.Digest["sha256:".Length..]}";
}
