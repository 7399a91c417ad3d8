namespace AgentKernel.Packaging.Backends.Oci.Images;

/// <summary>The media types of the OCI image specification 1.1, and Docker's older names for the same things.</summary>
internal static class MediaTypes
{
    public const string Index = "application/vnd.oci.image.index.v1+json";
    public const string Manifest = "application/vnd.oci.image.manifest.v1+json";
    public const string Config = "application/vnd.oci.image.config.v1+json";
    public const string GzipLayer = "application/vnd.oci.image.layer.v1.tar+gzip";

    public const string DockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
    private const string DockerConfig = "application/vnd.docker.container.image.v1+json";
    private const string DockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
    private const string LayerOfTar = "application/vnd.oci.image.layer.v1.tar";

    public static bool IsIndex(string? type) => type is Index or DockerIndex;

    public static bool IsManifest(string? type) => type is Manifest or DockerManifest;

    public static bool IsConfig(string? type) => type is Config or DockerConfig;

    /// <summary>Layers that registries do not hold: they are fetched from elsewhere, and left there.</summary>
    public static bool IsForeign(string type) => type.Contains("foreign", StringComparison.Ordinal) || type.Contains("nondistributable", StringComparison.Ordinal);

    /// <summary>OCI's name for a layer of Docker's: the bytes are the same, and an OCI manifest wants OCI's names.</summary>
    public static string OfLayer(string type) => type switch
    {
        DockerLayer => LayerOfTar,
        DockerLayer + ".gzip" => GzipLayer,
        DockerLayer + ".zstd" => LayerOfTar + "+zstd",
        _ => type,
    };
}
