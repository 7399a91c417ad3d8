using AgentKernel.Contracts.V1;
using AgentKernel.Packaging.Backends.Oci;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Backends.Oci.Layers;
using AgentKernel.Packaging.Backends.Oci.Registry;
using AgentKernel.Packaging.Images;

namespace AgentKernel.Packaging.Jobs;

/// <summary>Brings images to the registry of the settings: the base, a layer for each bundle, and one for the manifest.</summary>
internal sealed class RegistryImages(PackagingOptions options, PackagingFolder folder, TimeProvider time)
{
    // Where agents find an image, in every backend that can choose the place.
    private const string Place = "image";

    private readonly OciBackend _backend = new(
        folder.Combine("oci"), new RegistryOptions { CertificateFile = options.RegistryCertificates, DockerConfig = options.DockerConfig }, time);

    /// <summary>The base image of a request; empty for one that is not pushed.</summary>
    public string BaseOf(CreateAgentImageRequest request) =>
        !request.Push ? "" : request.BaseImage.Length > 0 ? request.BaseImage : options.BaseImage ?? "";

    /// <summary>Pushes an image; answers its reference, with its digest.</summary>
    /// <param name="name">The repository's name below that of the settings.</param>
    /// <param name="path">The image's folder.</param>
    /// <exception cref="OciException">It cannot be made so.</exception>
    /// <exception cref="RegistryException">The registry did not take it, or did not give the base.</exception>
    public async Task<string> PushAsync(string name, ImageRecord image, string path, IOciObserver observer, CancellationToken cancellationToken)
    {
        var target = ImageReference.Parse($"{options.RegistryUrl!.TrimEnd('/')}/{name}:{image.Id.Hex}", "name"); // BundleRules has seen it
        var manifest = folder.WorkPath();
        try
        {
            Directory.CreateDirectory(manifest);
            File.Copy(Path.Combine(path, ImageBuilder.ManifestFile), Path.Combine(manifest, ImageBuilder.ManifestFile));
            var layers = image.Inputs.Bundles
                .Select(bundle => new FolderLayer(Path.Combine(path, "bundles", bundle.Name), $"{Place}/bundles/{bundle.Name}", $"bundle {bundle.Name}"))
                .Append(new(manifest, Place, "agent image manifest"));
            var pushed = await _backend.BuildAsync(
                new(image.Inputs.BaseImage.Length > 0 ? image.Inputs.BaseImage : null, [.. layers], new OciTarget.Registry(target)), observer, cancellationToken);
            return pushed.Reference;
        }
        finally
        {
            Directory.Delete(manifest, recursive: true);
        }
    }
}
