using AgentKernel.Contracts.V1;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Blobs;
using AgentKernel.Packaging.Jobs;

namespace AgentKernel.Packaging.Images;

/// <summary>Removes what nothing needs any more: never an image that an agent uses, nor a blob that an image or a job needs.</summary>
internal sealed class ImagePruner(ImageStore images, UnpackedBundles unpacked, IBlobStore blobs, JobRunner jobs, IImageUsers users, TimeProvider time)
{
    /// <summary>Removes an image or a name of one; see <see cref="ImageStore.Delete"/>.</summary>
    public async Task DeleteAsync(string image, CancellationToken cancellationToken)
    {
        var since = time.GetUtcNow(); // before the users are asked
        images.Delete(image, await users.InUseAsync(cancellationToken), since);
    }

    /// <summary>Removes images, and the blobs that are left over.</summary>
    /// <param name="all">Also the images that a name leads to.</param>
    public async Task<PruneImagesResponse> PruneAsync(bool all, CancellationToken cancellationToken)
    {
        var since = time.GetUtcNow(); // before the users are asked
        var response = new PruneImagesResponse { Images = { images.Prune(all, await users.InUseAsync(cancellationToken), since) } };
        var found = new List<BlobInfo>();
        await foreach (var blob in blobs.ListAsync(cancellationToken))
        {
            found.Add(blob);
        }

        foreach (var blob in found)
        {
            // Asked anew for each: a job pins a blob before it looks whether it is there.
            if (!IsNeeded(blob.Digest))
            {
                await blobs.DeleteAsync(blob.Digest, cancellationToken);
                response.Blobs++;
                response.FreedBytes += blob.Size;
            }
        }

        unpacked.Prune(IsNeeded);
        return response;
    }

    private bool IsNeeded(Digest digest) => jobs.IsPinned(digest) || images.Digests().Contains(digest);
}
