using AgentKernel.Packaging.Backends.Oci.Layers;

namespace AgentKernel.Packaging.Backends.Oci.Images;

/// <summary>An image that has been put together: its documents, and where its layers are.</summary>
/// <param name="Layers">This image's own layers, which are files here; those of the base come before them.</param>
internal sealed record OciImage(BaseImage Base, IReadOnlyList<BuiltLayer> Layers, byte[] Config, byte[] Manifest)
{
    /// <summary>The image's identity: it names everything in it.</summary>
    public Digest Digest { get; } = Digest.Of(Manifest);

    public Digest ConfigDigest { get; } = Digest.Of(Config);

    /// <summary>Puts layers on a base. The same base, layers and settings give the same bytes.</summary>
    public static OciImage Make(BaseImage on, IReadOnlyList<BuiltLayer> layers, RunSettings settings)
    {
        var config = ImageConfig.WithLayers(on.Config, layers, settings);
        var annotations = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (on.Digest is { } digest)
        {
            annotations["org.opencontainers.image.base.digest"] = digest.ToString();
            annotations["org.opencontainers.image.base.name"] = on.Reference!.ToString();
        }

        var manifest = new ImageManifest(2, MediaTypes.Manifest,
            new(MediaTypes.Config, Digest.Of(config).ToString(), config.Length),
            [.. on.Layers, .. layers.Select(layer => layer.Descriptor)])
        {
            Annotations = annotations.Count > 0 ? annotations : null,
        };
        return new(on, layers, config, Documents.Write(manifest));
    }
}
