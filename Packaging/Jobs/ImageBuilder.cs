using System.Text.Json;
using AgentKernel.Contracts.V1;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Blobs;
using AgentKernel.Packaging.Images;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Packaging.Jobs;

/// <summary>Makes an image, stage by stage. What a stage has begun when it fails or is cancelled is gone.</summary>
internal sealed class ImageBuilder(
    IBlobStore blobs, BundleSources sources, UnpackedBundles unpacked, ImageStore images, RegistryImages registry, PackagingFolder folder, TimeProvider time)
{
    public const string ManifestFile = "manifest.json";

    /// <summary>Told of each stage before it begins, and may hold it up: how a cancellation in each of them is tried.</summary>
    public Func<JobStage, CancellationToken, Task>? AtStage { get; set; }

    /// <returns>The image, and whether it was there already.</returns>
    public async Task<(Image Image, bool Cached)> BuildAsync(BuildJob job, CancellationToken cancellationToken)
    {
        var inputs = await FetchAsync(job, cancellationToken);
        var id = inputs.Id();
        for (var cached = true; ; cached = false)
        {
            if (images.Known(id) is { } known && images.Publish(await PushedAsync(job, known, images.PathOf(id), cancellationToken), null, job.Request.Name) is { } image)
            {
                cached &= known.Reference == image.Reference;
                job.Log(cached ? $"image {id} is there already" : $"image {id} is made");
                return (image, cached);
            }

            await UnpackAsync(job, inputs, cancellationToken);
            if (await AssembleAsync(job, inputs, cancellationToken) is { } made)
            {
                job.Log($"image {id} is made: {made.Files} files, {made.SizeBytes} bytes");
                return (made, false);
            }
        }
    }

    private async Task<ImageInputs> FetchAsync(BuildJob job, CancellationToken cancellationToken)
    {
        await EnterAsync(job, JobStage.Fetching, cancellationToken);
        var bundles = new List<BundleInput>();
        foreach (var bundle in job.Request.Bundles.OrderBy(bundle => bundle.Labels.Name, StringComparer.Ordinal))
        {
            try
            {
                if (BundleRules.Demanded(bundle.Uri) is { } demanded)
                {
                    job.Pin(demanded); // before it is looked for, or it could be removed in between
                }

                var blob = await sources.FetchAsync(bundle.Uri, job, cancellationToken);
                job.Pin(blob.Digest);
                job.Log($"bundle {bundle.Labels.Name}: {blob.Digest}, {blob.Size} bytes");
                bundles.Add(new(bundle.Labels.Name, BundleRules.TypeOf(bundle), blob.Digest.ToString()));
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                throw new BundleException($"bundle '{bundle.Labels.Name}'", exception);
            }
        }

        return new(bundles, registry.BaseOf(job.Request), job.Request.Dependencies);
    }

    private async Task UnpackAsync(BuildJob job, ImageInputs inputs, CancellationToken cancellationToken)
    {
        await EnterAsync(job, JobStage.Unpacking, cancellationToken);
        foreach (var bundle in inputs.Bundles)
        {
            try
            {
                var (digest, file) = await FileOfAsync(bundle, cancellationToken);
                if (await UnpackedBundles.IsArchiveAsync(file, cancellationToken))
                {
                    job.Enter(JobStage.Unpacking, new FileInfo(file).Length);
                    await unpacked.UnpackAsync(digest, file, job, cancellationToken);
                }
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                throw new BundleException($"bundle '{bundle.Name}'", exception);
            }
        }
    }

    private async Task<Image?> AssembleAsync(BuildJob job, ImageInputs inputs, CancellationToken cancellationToken)
    {
        await EnterAsync(job, JobStage.Assembling, cancellationToken);
        var work = folder.WorkPath();
        try
        {
            var (files, bytes) = (0L, 0L);
            Directory.CreateDirectory(Path.Combine(work, "bundles"));
            foreach (var bundle in inputs.Bundles)
            {
                var target = Path.Combine(work, "bundles", bundle.Name);
                var (digest, file) = await FileOfAsync(bundle, cancellationToken);
                var added = Directory.Exists(unpacked.PathOf(digest))
                    ? ReadOnlyTree.Link(unpacked.PathOf(digest), target, cancellationToken)
                    : Single(file, bundle, target);
                (files, bytes) = (files + added.Files, bytes + added.Bytes);
                job.Report(bytes);
            }

            ReadOnlyTree.Seal(Path.Combine(work, "bundles"));
            var manifest = new AgentManifest(inputs.Id().ToString(), inputs.Bundles, DependenciesInstalled: false);
            await File.WriteAllBytesAsync(Path.Combine(work, ManifestFile), JsonSerializer.SerializeToUtf8Bytes(manifest, ImageFilesJson.Default.AgentManifest), cancellationToken);
            ReadOnlyTree.SealFile(Path.Combine(work, ManifestFile), executable: false);
            var made = await PushedAsync(job, new(inputs, time.GetUtcNow(), bytes, files), work, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            return images.Publish(made, work, job.Request.Name);
        }
        finally
        {
            DataDirectory.DeleteFolder(work);
        }
    }

    // Before it has its name: what could not be pushed is not there at all.
    private async Task<ImageRecord> PushedAsync(BuildJob job, ImageRecord image, string path, CancellationToken cancellationToken)
    {
        if (!job.Request.Push || image.Reference.Length > 0)
        {
            return image;
        }

        await EnterAsync(job, JobStage.Pushing, cancellationToken);
        return image with { Reference = await registry.PushAsync(job.Request.Name, image, path, new JobObserver(job), cancellationToken) };
    }

    // A program that was uploaded as it is has no permissions; one of helpers is there to be run.
    private static (long Files, long Bytes) Single(string file, BundleInput bundle, string target)
    {
        Directory.CreateDirectory(target);
        var path = Path.Combine(target, bundle.Name);
        if (bundle.Type == "helpers")
        {
            File.Copy(file, path);
            ReadOnlyTree.SealFile(path, executable: true);
        }
        else
        {
            ReadOnlyTree.LinkFile(file, path);
        }

        return (1, new FileInfo(file).Length);
    }

    private async Task<(Digest Digest, string File)> FileOfAsync(BundleInput bundle, CancellationToken cancellationToken)
    {
        var digest = Digest.TryParse(bundle.Digest)!; // made of one
        return (digest, await blobs.GetFileAsync(digest, cancellationToken) ?? throw BlobErrors.Missing(digest));
    }

    private async Task EnterAsync(BuildJob job, JobStage stage, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        job.Enter(stage);
        if (AtStage is { } hold)
        {
            await hold(stage, cancellationToken);
        }
    }
}
