using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Backends.Oci.Layers;

namespace AgentKernel.Packaging.Backends.Oci;

/// <summary>Where an image goes.</summary>
internal abstract record OciTarget
{
    private OciTarget()
    {
    }

    /// <summary>A repository and a tag in a registry.</summary>
    internal sealed record Registry(ImageReference Reference) : OciTarget;

    /// <summary>A folder in OCI layout, which must not exist.</summary>
    internal sealed record Layout(string Folder, string Tag) : OciTarget;

    /// <summary>A tar file in OCI layout, which must not exist.</summary>
    internal sealed record Archive(string File, string Tag) : OciTarget;
}

/// <summary>An image that is wanted.</summary>
/// <param name="BaseImage">A reference to a base image in a registry; null for none.</param>
/// <param name="Layers">What is put on it, the lowest first.</param>
internal sealed record OciImageRequest(string? BaseImage, IReadOnlyList<LayerSource> Layers, OciTarget Target)
{
    /// <summary>What the image is to run on.</summary>
    public Platform Platform { get; init; } = Images.BaseImage.ThisMachine;

    public RunSettings Settings { get; init; } = new();

    /// <summary>The compression level of the layers, 1 to 9.</summary>
    public int Level { get; init; } = LayerBuilder.DefaultLevel;
}

/// <summary>An image that is where it was wanted.</summary>
/// <param name="Reference">How others name it: <c>registry/repository@sha256:…</c>, or the path of the layout or archive.</param>
/// <param name="BytesSent">How much went over the network to the registry.</param>
internal sealed record OciImageResult(string Reference, Digest Digest, long BytesSent);

/// <summary>How far a build is.</summary>
internal enum OciStage
{
    Base,
    Layers,
    Export,
}

/// <summary>Is told how far a build is; called from any thread, and not to be kept waiting.</summary>
internal interface IOciObserver
{
    /// <summary>A stage begins, or has moved to so many bytes.</summary>
    void Moved(OciStage stage, long bytes);

    /// <summary>A line for the build's log.</summary>
    void Said(string line);
}
