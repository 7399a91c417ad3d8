using AgentKernel.Contracts.V1;
using AgentKernel.Packaging.Blobs;
using AgentKernel.Packaging.Images;
using AgentKernel.Packaging.Jobs;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults.Access;

namespace AgentKernel.Packaging;

/// <summary>The RPCs of PackagingService: who may call, what they ask for, and the answer as a message.</summary>
internal sealed class PackagingService(JobRunner jobs, ImageStore images, ImagePruner pruner, IHostApplicationLifetime lifetime, AccessTokens tokens)
{
    public Task<CreateAgentImageResponse> CreateAgentImageAsync(CreateAgentImageRequest request, RpcContext context)
    {
        tokens.RequireOperator(context.HttpContext);
        return Task.FromResult(new CreateAgentImageResponse { Job = jobs.Start(request) });
    }

    public Task<GetJobResponse> GetJobAsync(GetJobRequest request, RpcContext context)
    {
        tokens.RequireOperator(context.HttpContext);
        return Task.FromResult(new GetJobResponse { Job = jobs.Get(request.JobId).Snapshot() });
    }

    public async IAsyncEnumerable<WatchJobResponse> WatchJobAsync(WatchJobRequest request, RpcContext context)
    {
        tokens.RequireOperator(context.HttpContext);
        // A job ends with the service, and the server waits for this call: it must not outlast the shutdown's beginning.
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        await foreach (var change in jobs.Get(request.JobId).WatchAsync(either.Token))
        {
            yield return change;
        }
    }

    public async Task<CancelJobResponse> CancelJobAsync(CancelJobRequest request, RpcContext context)
    {
        tokens.RequireOperator(context.HttpContext);
        return new() { Job = await jobs.CancelAsync(request.JobId) };
    }

    public Task<ListImagesResponse> ListImagesAsync(ListImagesRequest request, RpcContext context)
    {
        tokens.RequireOperator(context.HttpContext);
        return Task.FromResult(new ListImagesResponse { Images = { images.List() } });
    }

    public Task<GetImageResponse> GetImageAsync(GetImageRequest request, RpcContext context)
    {
        tokens.RequireOperator(context.HttpContext);
        return Task.FromResult(new GetImageResponse { Image = images.Get(request.Image) });
    }

    public async Task<DeleteImageResponse> DeleteImageAsync(DeleteImageRequest request, RpcContext context)
    {
        tokens.RequireOperator(context.HttpContext);
        await pruner.DeleteAsync(request.Image, context.CancellationToken);
        return new();
    }

    public async Task<PruneImagesResponse> PruneImagesAsync(PruneImagesRequest request, RpcContext context)
    {
        tokens.RequireOperator(context.HttpContext);
        return await pruner.PruneAsync(request.All, context.CancellationToken);
    }

    public Task<ResolveImageResponse> ResolveImageAsync(ResolveImageRequest request, RpcContext context)
    {
        tokens.RequireService(context.HttpContext);
        var (image, path) = images.Resolve(request.Image);
        return Task.FromResult(new ResolveImageResponse { ImageId = image.Id.ToString(), Path = path, Reference = image.Reference });
    }
}
