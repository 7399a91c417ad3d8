using AgentKernel.Packaging.Archives;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Packaging.Images;

/// <summary>The archives among the blobs, each unpacked once; images share the files.</summary>
internal sealed class UnpackedBundles
{
    private readonly PackagingFolder _folder;
    private readonly ArchiveLimits _limits;
    private readonly string _root;

    public UnpackedBundles(PackagingFolder folder, PackagingOptions options)
    {
        (_folder, _root) = (folder, folder.Combine("unpacked"));
        _limits = new(checked(options.MaxBlobBytes * 2), options.MaxBundleEntries);
        DataDirectory.CreateFolder(_root);
    }

    /// <summary>Where a blob is unpacked, or will be.</summary>
    public string PathOf(Digest digest) => Path.Combine(_root, digest.Hex);

    /// <summary>Whether a file is an archive, by its first bytes: a tar, or something gzipped, which only a tar may be.</summary>
    public static async Task<bool> IsArchiveAsync(string file, CancellationToken cancellationToken)
    {
        await using var stream = Open(file);
        var block = new byte[512];
        var read = await stream.ReadAtLeastAsync(block, block.Length, throwOnEndOfStream: false, cancellationToken);
        return (read >= 2 && block is [0x1f, 0x8b, ..])
            || (read == block.Length && (block.AsSpan(257, 5).SequenceEqual("ustar"u8) || !block.AsSpan().ContainsAnyExcept((byte)0)));
    }

    /// <summary>Unpacks a blob, unless that was done before; answers the folder. Leaves nothing when it throws.</summary>
    /// <exception cref="ArchiveException">It must not be unpacked.</exception>
    public async Task<string> UnpackAsync(Digest digest, string file, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        var path = PathOf(digest);
        if (Directory.Exists(path))
        {
            return path;
        }

        var work = _folder.WorkPath();
        try
        {
            await using (var archive = await ArchiveStream.OpenAsync(new CountedStream(Open(file), progress), cancellationToken))
            {
                await ArchiveExtractor.ExtractAsync(archive, work, _limits, cancellationToken);
            }

            foreach (var entry in Directory.EnumerateDirectories(work))
            {
                cancellationToken.ThrowIfCancellationRequested();
                ReadOnlyTree.Seal(entry);
            }

            Directory.Move(work, path); // its owner may write to it until then: the system would not move it otherwise
            ReadOnlyTree.Seal(path);
            return path;
        }
        catch (IOException) when (Directory.Exists(path))
        {
            DataDirectory.DeleteFolder(work); // another job was faster
            return path;
        }
        catch
        {
            DataDirectory.DeleteFolder(work);
            throw;
        }
    }

    /// <summary>Removes those of blobs that nothing needs.</summary>
    public void Prune(Func<Digest, bool> isNeeded)
    {
        foreach (var folder in Directory.EnumerateDirectories(_root))
        {
            if (Digest.TryParse($"sha256:{Path.GetFileName(folder)}") is not { } digest || !isNeeded(digest))
            {
                DataDirectory.DeleteFolder(folder);
            }
        }
    }

    private static FileStream Open(string file) => new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 64 * 1024);
}
