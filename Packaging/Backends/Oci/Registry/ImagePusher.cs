using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Backends.Oci.Layers;

namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>
/// Pushes an image: what the registry has is not sent, what another of its repositories has is mounted, the rest is uploaded,
/// and the manifest comes last, so that the tag never names an image that is not whole.
/// </summary>
/// <param name="baseRepository">Where the base's layers come from; null for an empty base.</param>
internal sealed class ImagePusher(
    RegistryRepository target, ImageReference reference, BlobFolder baseBlobs, RegistryRepository? baseRepository, Action<string> say)
{
    /// <summary>A few at once, so that small layers do not wait for each other's answers.</summary>
    private const int AtOnce = 3;

    /// <summary>Answers how many bytes were sent. Throws <see cref="RegistryException"/>.</summary>
    /// <param name="progress">Told the number of bytes sent so far.</param>
    public async Task<long> PushAsync(OciImage image, CancellationToken cancellationToken, IProgress<long>? progress = null)
    {
        var total = new Total(progress);
        var own = image.Layers.DistinctBy(layer => layer.Descriptor.Digest)
            .Select(layer => (Func<CancellationToken, ValueTask>)(token => PushOwnAsync(layer, total, token)));
        var inherited = image.Base.Layers.Where(layer => !MediaTypes.IsForeign(layer.MediaType)).DistinctBy(layer => layer.Digest)
            .Select(layer => (Func<CancellationToken, ValueTask>)(token => PushInheritedAsync(layer, image.Base, total, token)));
        await Parallel.ForEachAsync(own.Concat(inherited), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
            (push, token) => push(token));
        if (!await target.HasBlobAsync(image.ConfigDigest.ToString(), cancellationToken))
        {
            await target.UploadAsync(image.Config, cancellationToken);
            total.Add(image.Config.Length);
        }

        if (reference.Digest is null || !await target.HasManifestAsync(image.Digest.ToString(), cancellationToken))
        {
            await target.PutManifestAsync(reference.Digest is null ? reference.Tag : image.Digest.ToString(), MediaTypes.Manifest, image.Manifest, cancellationToken);
        }

        say($"pushed {reference.Registry.Authority}/{reference.Repository}@{image.Digest}");
        return total.Bytes;
    }

    private async ValueTask PushOwnAsync(BuiltLayer layer, Total total, CancellationToken cancellationToken)
    {
        if (await target.HasBlobAsync(layer.Descriptor.Digest, cancellationToken))
        {
            say($"layer {layer.Descriptor.Digest} is there");
            return;
        }

        await UploadAsync(layer.Descriptor, layer.File, total, cancellationToken);
    }

    private async ValueTask PushInheritedAsync(Descriptor layer, BaseImage from, Total total, CancellationToken cancellationToken)
    {
        if (await target.HasBlobAsync(layer.Digest, cancellationToken))
        {
            say($"base layer {layer.Digest} is there");
            return;
        }

        if (from.Reference is { } origin && origin.Registry == reference.Registry && origin.Repository != reference.Repository
            && await target.MountAsync(layer.Digest, origin.Repository, cancellationToken))
        {
            say($"base layer {layer.Digest} mounted from {origin.Repository}");
            return;
        }

        await UploadAsync(layer, await baseBlobs.GetAsync(baseRepository!, layer, cancellationToken), total, cancellationToken);
    }

    private async Task UploadAsync(Descriptor layer, string file, Total total, CancellationToken cancellationToken)
    {
        say($"uploading {layer.Digest}, {layer.Size} bytes");
        await target.UploadAsync(Digest.TryParse(layer.Digest)!, file, cancellationToken, total.OfBlob());
    }

    /// <summary>Adds up what several uploads report.</summary>
    private sealed class Total(IProgress<long>? progress)
    {
        private long _bytes;

        public long Bytes => Interlocked.Read(ref _bytes);

        public void Add(long bytes) => Report(Interlocked.Add(ref _bytes, bytes));

        private void Report(long bytes) => progress?.Report(bytes);

        public IProgress<long> OfBlob() => new Blob(this);

        private sealed class Blob(Total total) : IProgress<long>
        {
            private long _reported;

            public void Report(long value)
            {
                // What was sent again after a cut has been counted.
                if (value > _reported)
                {
                    total.Add(value - _reported);
                    _reported = value;
                }
            }
        }
    }
}
