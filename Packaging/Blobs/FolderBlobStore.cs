using System.Runtime.CompilerServices;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Packaging.Blobs;

/// <summary>Keeps each blob as a read-only file below a folder, by the first two digits of its digest.</summary>
internal sealed class FolderBlobStore : IBlobStore
{
    /// <summary>Everybody may read it: an agent in a sandbox is another user than the kernel.</summary>
    public const UnixFileMode ReadOnly = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private readonly string _blobs;
    private readonly string _uploads;
    private readonly long _maxBytes;

    /// <param name="root">Made where it is missing. One store may use it at a time: what an earlier one left half done is removed.</param>
    /// <param name="maxBytes">The limit for a blob.</param>
    public FolderBlobStore(string root, long maxBytes)
    {
        _blobs = Path.Combine(root, "sha256");
        _uploads = Path.Combine(root, "uploads");
        _maxBytes = maxBytes;
        if (Directory.Exists(_uploads))
        {
            Directory.Delete(_uploads, recursive: true);
        }

        DataDirectory.CreateFolder(_blobs);
        DataDirectory.CreateFolder(_uploads);
    }

    public Task<BlobInfo?> FindAsync(Digest digest, CancellationToken cancellationToken)
    {
        var file = new FileInfo(PathOf(digest));
        return Task.FromResult(file.Exists ? new BlobInfo(digest, file.Length) : null);
    }

    public async Task<StoredBlob> PutAsync(Stream content, Digest? expected, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        using var spool = await BlobSpool.ReadAsync(content, _uploads, expected, _maxBytes, progress, cancellationToken);
        var path = PathOf(spool.Blob.Digest);
        DataDirectory.CreateFolder(Path.GetDirectoryName(path)!);
        try
        {
            File.Move(spool.Path, path, overwrite: false);
            return new(spool.Blob, Created: true);
        }
        catch (IOException) when (File.Exists(path))
        {
            return new(spool.Blob, Created: false);
        }
    }

    public Task<Stream?> OpenAsync(Digest digest, long offset, long length, CancellationToken cancellationToken)
    {
        try
        {
            var file = new FileStream(PathOf(digest), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            file.Seek(offset, SeekOrigin.Begin);
            return Task.FromResult<Stream?>(new BoundedStream(file, length));
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return Task.FromResult<Stream?>(null);
        }
    }

    public Task<string?> GetFileAsync(Digest digest, CancellationToken cancellationToken)
    {
        var path = PathOf(digest);
        return Task.FromResult(File.Exists(path) ? path : null);
    }

    public async IAsyncEnumerable<BlobInfo> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (var file in new DirectoryInfo(_blobs).EnumerateFiles("*", SearchOption.AllDirectories))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Digest.TryParse($"sha256:{file.Name}") is { } digest)
            {
                yield return new(digest, file.Length);
            }
        }
    }

    public Task DeleteAsync(Digest digest, CancellationToken cancellationToken)
    {
        var path = PathOf(digest);
        if (Directory.Exists(Path.GetDirectoryName(path)))
        {
            File.Delete(path);
        }

        return Task.CompletedTask;
    }

    private string PathOf(Digest digest) => Path.Combine(_blobs, digest.Hex[..2], digest.Hex);
}
