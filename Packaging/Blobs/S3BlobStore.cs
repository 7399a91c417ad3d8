using System.Net;
using System.Runtime.CompilerServices;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.ServiceDefaults;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace AgentKernel.Packaging.Blobs;

/// <summary>
/// Keeps blobs in an S3-compatible bucket, so that several kernels share them. Images are made of files of this machine:
/// what they need is fetched once, and stays in a folder until the blob is deleted.
/// </summary>
internal sealed class S3BlobStore : IBlobStore, IDisposable
{
    private readonly AmazonS3Client _client;
    private readonly string _bucket;
    private readonly string _prefix;
    private readonly string _cache;
    private readonly string _uploads;
    private readonly long _maxBytes;

    /// <param name="address"><c>s3://bucket/prefix</c>.</param>
    /// <param name="endpoint">The service's address; null: Amazon's own, of the region in the environment.</param>
    /// <param name="folder">For the files of this machine. One store may use it at a time.</param>
    /// <param name="maxBytes">The limit for a blob.</param>
    /// <param name="credentials">Null: what the environment or the machine offers, as for other programs that use S3.</param>
    public S3BlobStore(string address, Uri? endpoint, string folder, long maxBytes, AWSCredentials? credentials = null)
    {
        var place = new Uri(address);
        (_bucket, _prefix) = (place.Host, place.AbsolutePath.Trim('/') is { Length: > 0 } prefix ? prefix + "/" : "");
        (_cache, _uploads, _maxBytes) = (Path.Combine(folder, "cache"), Path.Combine(folder, "uploads"), maxBytes);
        var config = new AmazonS3Config
        {
            // Beyond Amazon's own, services do not know its newer checksums; the digest is checked here anyway.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (endpoint is not null)
        {
            config.ServiceURL = endpoint.ToString();
            config.ForcePathStyle = true;
        }

        _client = credentials is null ? new(config) : new(credentials, config);
        DataDirectory.DeleteFolder(_uploads);
        DataDirectory.CreateFolder(_cache);
        DataDirectory.CreateFolder(_uploads);
    }

    public async Task<BlobInfo?> FindAsync(Digest digest, CancellationToken cancellationToken)
    {
        var found = await OrNullAsync(() => _client.GetObjectMetadataAsync(_bucket, KeyOf(digest), cancellationToken));
        return found is null ? null : new(digest, found.ContentLength);
    }

    public async Task<StoredBlob> PutAsync(Stream content, Digest? expected, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        using var spool = await BlobSpool.ReadAsync(content, _uploads, expected, _maxBytes, progress, cancellationToken);
        if (await FindAsync(spool.Blob.Digest, cancellationToken) is { } present)
        {
            return new(present, Created: false);
        }

        // Signed as a whole: not every service takes the signed pieces that are the default apart again.
        var request = new PutObjectRequest { BucketName = _bucket, Key = KeyOf(spool.Blob.Digest), FilePath = spool.Path, UseChunkEncoding = false };
        await GuardAsync(() => _client.PutObjectAsync(request, cancellationToken));
        Keep(spool, spool.Blob.Digest);
        return new(spool.Blob, Created: true);
    }

    public async Task<Stream?> OpenAsync(Digest digest, long offset, long length, CancellationToken cancellationToken)
    {
        if (length == 0)
        {
            return await FindAsync(digest, cancellationToken) is null ? null : new MemoryStream();
        }

        var request = new GetObjectRequest { BucketName = _bucket, Key = KeyOf(digest), ByteRange = new ByteRange(offset, offset + length - 1) };
        return (await OrNullAsync(() => _client.GetObjectAsync(request, cancellationToken)))?.ResponseStream;
    }

    public async Task<string?> GetFileAsync(Digest digest, CancellationToken cancellationToken)
    {
        if (await FindAsync(digest, cancellationToken) is not { } blob)
        {
            return null;
        }

        var path = CachePathOf(digest);
        if (!File.Exists(path))
        {
            if (await OpenAsync(digest, 0, blob.Size, cancellationToken) is not { } content)
            {
                return null;
            }

            await using (content)
            {
                using var spool = await BlobSpool.ReadAsync(content, _uploads, digest, _maxBytes, null, cancellationToken);
                Keep(spool, digest);
            }
        }

        return path;
    }

    public async IAsyncEnumerable<BlobInfo> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var request = new ListObjectsV2Request { BucketName = _bucket, Prefix = $"{_prefix}sha256/" };
        do
        {
            var page = await GuardAsync(() => _client.ListObjectsV2Async(request, cancellationToken));
            foreach (var entry in page.S3Objects ?? [])
            {
                if (Digest.TryParse($"sha256:{entry.Key[(entry.Key.LastIndexOf('/') + 1)..]}") is { } digest)
                {
                    yield return new(digest, entry.Size ?? 0);
                }
            }

            request.ContinuationToken = page.IsTruncated is true ? page.NextContinuationToken : null;
        }
        while (request.ContinuationToken is not null);
    }

    public async Task DeleteAsync(Digest digest, CancellationToken cancellationToken)
    {
        await OrNullAsync(() => _client.DeleteObjectAsync(_bucket, KeyOf(digest), cancellationToken));
        File.Delete(CachePathOf(digest));
    }

    public void Dispose() => _client.Dispose();

    private void Keep(BlobSpool spool, Digest digest)
    {
        try
        {
            File.Move(spool.Path, CachePathOf(digest), overwrite: false);
        }
        catch (IOException) when (File.Exists(CachePathOf(digest)))
        {
            // Somebody else has fetched it.
        }
    }

    private string KeyOf(Digest digest) => $"{_prefix}sha256/{digest.Hex}";

    private string CachePathOf(Digest digest) => Path.Combine(_cache, digest.Hex);

    private static async Task<T?> OrNullAsync<T>(Func<Task<T>> call)
        where T : class
    {
        try
        {
            return await GuardAsync(call);
        }
        catch (IOException exception) when (exception.InnerException is AmazonServiceException { StatusCode: HttpStatusCode.NotFound })
        {
            return null;
        }
    }

    // The message names neither key nor address; the log has the rest.
    private static async Task<T> GuardAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (Exception exception) when (exception is AmazonClientException or AmazonServiceException or HttpRequestException or WebException)
        {
            throw new IOException("the bucket of the blob store cannot be used now", exception);
        }
    }
}
