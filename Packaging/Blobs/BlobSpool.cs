using System.Buffers;
using System.Security.Cryptography;
using AgentKernel.Packaging.Backends.Oci.Images;

namespace AgentKernel.Packaging.Blobs;

/// <summary>Content on its way into a store: a file of this machine, its digest known when all of it is there.</summary>
internal sealed class BlobSpool : IDisposable
{
    private const int BufferBytes = 256 * 1024;

    private BlobSpool(string path, BlobInfo blob) => (Path, Blob) = (path, blob);

    public string Path { get; }

    public BlobInfo Blob { get; }

    /// <summary>Writes the content to a file of its own in <paramref name="folder"/>; throws as <see cref="IBlobStore.PutAsync"/> does.</summary>
    public static async Task<BlobSpool> ReadAsync(
        Stream content, string folder, Digest? expected, long maxBytes, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        var path = System.IO.Path.Combine(folder, Guid.NewGuid().ToString("N"));
        try
        {
            var blob = await WriteAsync(content, path, maxBytes, progress, cancellationToken);
            if (expected is not null && expected != blob.Digest)
            {
                throw new BlobException($"the content has the digest {blob.Digest}, and was to have {expected}");
            }

            return new(path, blob);
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    /// <summary>Removes the file, unless it was moved to where it belongs.</summary>
    public void Dispose() => File.Delete(Path);

    // Hashes one piece while the next is read.
    private static async Task<BlobInfo> WriteAsync(Stream content, string path, long maxBytes, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffers = (ArrayPool<byte>.Shared.Rent(BufferBytes), ArrayPool<byte>.Shared.Rent(BufferBytes));
        var hashing = Task.CompletedTask;
        try
        {
            await using var file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                BufferSize = 0,
            });
            long size = 0;
            while (await content.ReadAtLeastAsync(buffers.Item1, BufferBytes, throwOnEndOfStream: false, cancellationToken) is var read and > 0)
            {
                size += read;
                if (size > maxBytes)
                {
                    throw new BlobException($"the content is larger than {maxBytes} bytes, which is the limit for a blob", tooLarge: true);
                }

                await hashing;
                var piece = buffers.Item1;
                hashing = Task.Run(() => hash.AppendData(piece, 0, read), CancellationToken.None); // hashing uses a core of its own
                await file.WriteAsync(piece.AsMemory(0, read), cancellationToken);
                progress?.Report(size);
                buffers = (buffers.Item2, buffers.Item1);
            }

            await hashing;
            File.SetUnixFileMode(file.SafeFileHandle, FolderBlobStore.ReadOnly);
            file.Flush(flushToDisk: true); // or a power cut could leave a file under a digest that is not its own
            return new(Digest.FromHash(hash.GetHashAndReset()), size);
        }
        finally
        {
            await hashing;
            ArrayPool<byte>.Shared.Return(buffers.Item1);
            ArrayPool<byte>.Shared.Return(buffers.Item2);
        }
    }
}
