using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Backends.Oci.Layers;
using AgentKernel.Packaging.Backends.Oci.Layout;
using AgentKernel.Packaging.Backends.Oci.Registry;

namespace AgentKernel.Packaging.Backends.Oci;

/// <summary>
/// Builds OCI images without a daemon, and pushes or writes them. Nothing is left behind by a build that fails or is cancelled,
/// but for base layers that were fetched whole.
/// </summary>
/// <param name="folder">Where layers are made and the base's are kept.</param>
internal sealed class OciBackend(string folder, RegistryOptions options, TimeProvider time)
{
    private readonly BlobFolder _baseBlobs = new(Path.Combine(folder, "base-layers"));

    /// <summary>
    /// Builds the image and brings it where it is wanted. Throws <see cref="OciException"/>, <see cref="RegistryException"/>,
    /// <see cref="Archives.ArchiveException"/> and <see cref="IOException"/>, each with a message for who asked.
    /// </summary>
    public async Task<OciImageResult> BuildAsync(OciImageRequest request, IOciObserver? observer, CancellationToken cancellationToken)
    {
        var work = Path.Combine(folder, "work", Guid.NewGuid().ToString("n"));
        Directory.CreateDirectory(work);
        using var registries = new Registries(options, time);
        try
        {
            observer?.Moved(OciStage.Base, 0);
            var reference = request.BaseImage is { } name ? ImageReference.Parse(name, "base_image") : null;
            var baseRepository = reference is null ? null : registries.Repository(reference);
            var on = reference is null ? BaseImage.Empty(request.Platform)
                : await BaseImage.FindAsync(baseRepository!, reference, request.Platform, cancellationToken);
            if (on.Digest is not null)
            {
                observer?.Said($"base image {reference} is {on.Digest}");
            }

            var layers = await LayersAsync(request, work, observer, cancellationToken);
            var image = OciImage.Make(on, layers, request.Settings);
            observer?.Moved(OciStage.Export, 0);
            return await ExportAsync(image, request.Target, baseRepository, registries, observer, cancellationToken);
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private static async Task<IReadOnlyList<BuiltLayer>> LayersAsync(OciImageRequest request, string work, IOciObserver? observer, CancellationToken cancellationToken)
    {
        var layers = new List<BuiltLayer>();
        var before = 0L;
        observer?.Moved(OciStage.Layers, 0);
        foreach (var source in request.Layers)
        {
            var read = 0L;
            var progress = new Reporting(bytes => observer?.Moved(OciStage.Layers, before + (read = bytes)));
            var layer = await LayerBuilder.BuildAsync(source, Path.Combine(work, $"{layers.Count}.tar.gz"), cancellationToken, request.Level, progress);
            observer?.Said($"layer {layer.Descriptor.Digest}, {layer.Descriptor.Size} bytes: {layer.CreatedBy}");
            layers.Add(layer);
            before += read;
        }

        return layers;
    }

    private async Task<OciImageResult> ExportAsync(
        OciImage image, OciTarget target, RegistryRepository? baseRepository, Registries registries, IOciObserver? observer, CancellationToken cancellationToken)
    {
        switch (target)
        {
            case OciTarget.Registry(var reference):
                var pusher = new ImagePusher(registries.Repository(reference), reference, _baseBlobs, baseRepository, line => observer?.Said(line));
                var sent = await pusher.PushAsync(image, cancellationToken, new Reporting(bytes => observer?.Moved(OciStage.Export, bytes)));
                return new($"{reference.Registry.Authority}/{reference.Repository}@{image.Digest}", image.Digest, sent);
            case OciTarget.Layout(var path, var tag):
                await new LayoutWriter(image, tag, _baseBlobs, baseRepository).WriteFolderAsync(path, cancellationToken);
                return new(path, image.Digest, 0);
            case OciTarget.Archive(var path, var tag):
                await new LayoutWriter(image, tag, _baseBlobs, baseRepository).WriteArchiveAsync(path, cancellationToken);
                return new(path, image.Digest, 0);
            default:
                throw new ArgumentOutOfRangeException(nameof(target));
        }
    }

    /// <summary>Reports at once, in order; <see cref="Progress{T}"/> would do so some time later.</summary>
    private sealed class Reporting(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }

    /// <summary>The registries of one build: base and target are often the same, and share connections and tokens.</summary>
    private sealed class Registries(RegistryOptions options, TimeProvider time) : IDisposable
    {
        private readonly Dictionary<Uri, RegistryTransport> _open = [];

        public RegistryRepository Repository(ImageReference reference)
        {
            if (!_open.TryGetValue(reference.Registry, out var transport))
            {
                _open[reference.Registry] = transport = new(reference.Registry, options, time);
            }

            return new(transport, reference.Repository);
        }

        public void Dispose()
        {
            foreach (var transport in _open.Values)
            {
                transport.Dispose();
            }
        }
    }
}
