using AgentKernel.Packaging.Backends.Oci.Images;

namespace AgentKernel.Packaging.Blobs;

/// <summary>
/// Keeps content under its digest. A blob is there whole or not at all, never changes, and any number of callers may use
/// the store at once. What a cancelled or failed call had begun is gone when it returns.
/// </summary>
internal interface IBlobStore
{
    /// <summary>Null when there is no such blob.</summary>
    Task<BlobInfo?> FindAsync(Digest digest, CancellationToken cancellationToken);

    /// <summary>Keeps what the stream holds; content that is there already is kept once.</summary>
    /// <param name="expected">What its digest has to be; null: whatever it is.</param>
    /// <param name="progress">Told the number of bytes read so far.</param>
    /// <exception cref="BlobException">It is too large, or has another digest than expected.</exception>
    /// <exception cref="IOException">The store takes nothing more, or the stream broke off.</exception>
    Task<StoredBlob> PutAsync(Stream content, Digest? expected, IProgress<long>? progress, CancellationToken cancellationToken);

    /// <summary>Opens a part of a blob; null when there is no such blob. The part must lie within the blob.</summary>
    Task<Stream?> OpenAsync(Digest digest, long offset, long length, CancellationToken cancellationToken);

    /// <summary>The path of a read-only file on this machine with a blob's content, to read or to link to; null when there is no such blob.</summary>
    Task<string?> GetFileAsync(Digest digest, CancellationToken cancellationToken);

    /// <summary>All blobs, in no order.</summary>
    IAsyncEnumerable<BlobInfo> ListAsync(CancellationToken cancellationToken);

    /// <summary>Removes a blob; one that is not there is no error. Those who read it read on.</summary>
    Task DeleteAsync(Digest digest, CancellationToken cancellationToken);
}

/// <summary>A blob.</summary>
/// <param name="Size">In bytes.</param>
internal sealed record BlobInfo(Digest Digest, long Size)
{
    public string Uri => $"{BlobUri.Scheme}{Digest}";
}

/// <summary>What became of something that was to be kept.</summary>
/// <param name="Created">Whether it was new.</param>
internal sealed record StoredBlob(BlobInfo Blob, bool Created);

/// <summary>The address of a blob: <c>blob://sha256:…</c>.</summary>
internal static class BlobUri
{
    public const string Scheme = "blob://";

    /// <summary>Null when the text is no such address.</summary>
    public static Digest? TryParse(string uri) => uri.StartsWith(Scheme, StringComparison.Ordinal) ? Digest.TryParse(uri[Scheme.Length..]) : null;
}

/// <summary>Content is refused; the message is for its sender.</summary>
internal sealed class BlobException(string message, bool tooLarge = false) : Exception(message)
{
    /// <summary>Whether because of its length.</summary>
    public bool TooLarge { get; } = tooLarge;
}
