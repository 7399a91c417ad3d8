using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;

namespace AgentKernel.Client;

/// <summary>Images: making them, listing them, removing them. Wants the operator's token.</summary>
/// <remarks>All methods throw <see cref="RpcException"/> with the status and the message that the kernel answered with.</remarks>
public sealed class PackagingClient
{
    private readonly RpcChannel _channel;

    internal PackagingClient(RpcChannel channel) => _channel = channel;

    /// <summary>Begins to make an image; see <see cref="WatchJobAsync"/>.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT naming the field; ABORTED when another image of that name is being made.</exception>
    public async Task<Job> StartImageAsync(CreateAgentImageRequest request, CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(PackagingMethods.CreateAgentImage, request, cancellationToken: cancellationToken)).Job;

    /// <summary>Makes an image and returns it. Cancelled, it cancels the job as well.</summary>
    /// <param name="request">What it is made of.</param>
    /// <param name="progress">Told of each change of the job.</param>
    /// <param name="cancellationToken">Gives up, and leaves nothing behind.</param>
    /// <exception cref="RpcException">It could not be made; the message says why.</exception>
    public async Task<Image> CreateImageAsync(CreateAgentImageRequest request, IProgress<WatchJobResponse>? progress = null, CancellationToken cancellationToken = default)
    {
        var job = await StartImageAsync(request, cancellationToken);
        try
        {
            await foreach (var change in WatchJobAsync(job.Id, cancellationToken))
            {
                job = change.Job;
                progress?.Report(change);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await CancelJobAsync(job.Id, CancellationToken.None);
            throw;
        }

        return job.State is JobState.Succeeded ? job.Image : throw new RpcException((RpcStatusCode)job.ErrorCode, $"image '{job.ImageName}' was not made: {job.Error}");
    }

    /// <summary>Reads a job.</summary>
    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public async Task<Job> GetJobAsync(string jobId, CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(PackagingMethods.GetJob, new() { JobId = jobId }, cancellationToken: cancellationToken)).Job;

    /// <summary>Streams a job as it is, then each change of it, until it has ended.</summary>
    public IAsyncEnumerable<WatchJobResponse> WatchJobAsync(string jobId, CancellationToken cancellationToken = default) =>
        _channel.StreamAsync(PackagingMethods.WatchJob, new() { JobId = jobId }, cancellationToken: cancellationToken);

    /// <summary>Ends a job; returns when nothing of it is left.</summary>
    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public async Task<Job> CancelJobAsync(string jobId, CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(PackagingMethods.CancelJob, new() { JobId = jobId }, cancellationToken: cancellationToken)).Job;

    /// <summary>Reads all images, the newest first.</summary>
    public async Task<IReadOnlyList<Image>> ListAsync(CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(PackagingMethods.ListImages, new(), cancellationToken: cancellationToken)).Images;

    /// <summary>Reads an image.</summary>
    /// <param name="image">Its id, or a name of it.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public async Task<Image> GetAsync(string image, CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(PackagingMethods.GetImage, new() { Image = image }, cancellationToken: cancellationToken)).Image;

    /// <summary>Removes a name, and the image with its last one; or, by its id, the image with all its names.</summary>
    /// <exception cref="RpcException">NOT_FOUND; FAILED_PRECONDITION while an agent uses it.</exception>
    public async Task DeleteAsync(string image, CancellationToken cancellationToken = default) =>
        await _channel.CallAsync(PackagingMethods.DeleteImage, new() { Image = image }, cancellationToken: cancellationToken);

    /// <summary>Removes the images that no name leads to and no agent uses, and the blobs that no image is made of.</summary>
    /// <param name="all">Also images with a name that no agent uses.</param>
    /// <param name="cancellationToken">Gives up; what is removed already stays so.</param>
    public Task<PruneImagesResponse> PruneAsync(bool all = false, CancellationToken cancellationToken = default) =>
        _channel.CallAsync(PackagingMethods.PruneImages, new() { All = all }, cancellationToken: cancellationToken);
}
