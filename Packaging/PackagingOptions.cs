using AgentKernel.Packaging.Backends.Oci.Images;

namespace AgentKernel.Packaging;

/// <summary>Settings of PackagingService; section <c>Packaging</c> of the configuration.</summary>
public sealed record PackagingOptions
{
    private const long MaxObjectBytes = 5L << 30; // S3's limit for an upload that is not in parts

    /// <summary>The limit for a blob, in bytes; what an archive may unpack to is twice that.</summary>
    public long MaxBlobBytes { get; set; } = 2L << 30;

    /// <summary>How many files, folders and links an archive may hold.</summary>
    public int MaxBundleEntries { get; set; } = 100_000;

    /// <summary>Folders that bundles may be taken from by <c>file://</c>; empty: none.</summary>
    public IList<string> FileRoots { get; init; } = [];

    /// <summary>Where blobs are kept: <c>s3://bucket/prefix</c>; null: in the data directory.</summary>
    public string? BlobStore { get; set; }

    /// <summary>The address of the S3-compatible service; null: Amazon's own. Keys come from where other programs that use S3 have them.</summary>
    public Uri? BlobStoreEndpoint { get; set; }

    /// <summary>Where images are pushed to: <c>host[:port][/path]</c>; null: nowhere. Plain HTTP is spoken to loopback alone.</summary>
    public string? RegistryUrl { get; set; }

    /// <summary>A PEM file of certificates that are trusted beside the system's, for registries.</summary>
    public string? RegistryCertificates { get; set; }

    /// <summary>Docker's config file with the credentials for registries; null: where Docker has it.</summary>
    public string? DockerConfig { get; set; }

    /// <summary>The base image where a request names none; null: none.</summary>
    public string? BaseImage { get; set; }

    /// <summary>How long a download of a bundle may stand still.</summary>
    public TimeSpan DownloadIdleTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Where the spawner speaks gRPC, to be asked which images are in use.</summary>
    public Uri? Spawner { get; set; }

    /// <summary>What is wrong with the settings, each with its key; empty when nothing is.</summary>
    /// <param name="addressElsewhere">The spawner's address is not among the settings, and need not be.</param>
    public IEnumerable<string> Problems(bool addressElsewhere = false)
    {
        if (Spawner is null && !addressElsewhere)
        {
            yield return "Packaging:Spawner must be the address where the spawner speaks gRPC";
        }

        if (MaxBlobBytes <= 0)
        {
            yield return "Packaging:MaxBlobBytes must be at least 1";
        }

        if (MaxBundleEntries <= 0)
        {
            yield return "Packaging:MaxBundleEntries must be at least 1";
        }

        if (DownloadIdleTimeout <= TimeSpan.Zero)
        {
            yield return "Packaging:DownloadIdleTimeout must be positive";
        }

        foreach (var root in FileRoots.Where(root => !Path.IsPathFullyQualified(root) || Path.GetFullPath(root) == "/"))
        {
            yield return $"Packaging:FileRoots: '{root}' must be an absolute path, and not the root of the file system";
        }

        if (BlobStore is not null && MaxBlobBytes > MaxObjectBytes)
        {
            yield return $"Packaging:MaxBlobBytes must be at most {MaxObjectBytes} with a bucket, which takes no more at once";
        }

        foreach (var (key, file) in new[] { (nameof(RegistryCertificates), RegistryCertificates), (nameof(DockerConfig), DockerConfig) })
        {
            if (file is not null && !File.Exists(file))
            {
                yield return $"Packaging:{key}: there is no file '{file}'";
            }
        }

        if (RegistryUrl is not null && !IsReference(RegistryUrl + "/image"))
        {
            yield return $"Packaging:RegistryUrl is '{RegistryUrl}'; it must be host[:port][/path], without a scheme";
        }

        if (BaseImage is not null && !IsReference(BaseImage))
        {
            yield return $"Packaging:BaseImage is '{BaseImage}', which is no image reference";
        }

        if (BlobStore is not null && !(Uri.TryCreate(BlobStore, UriKind.Absolute, out var place) && place is { Scheme: "s3", Host.Length: > 0 }))
        {
            yield return $"Packaging:BlobStore is '{BlobStore}'; it must be s3://bucket or s3://bucket/prefix, or be left out";
        }
    }

    private static bool IsReference(string text)
    {
        try
        {
            ImageReference.Parse(text, "");
            return true;
        }
        catch (OciException)
        {
            return false;
        }
    }
}
