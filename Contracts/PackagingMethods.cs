using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;

namespace AgentKernel.Contracts;

/// <summary>The methods of <c>agentkernel.v1.PackagingService</c>, as <c>packaging.proto</c> defines them.</summary>
public static class PackagingMethods
{
    /// <summary>The full name of the service.</summary>
    public const string Service = "agentkernel.v1.PackagingService";

    /// <summary>Begins to make an image.</summary>
    public static readonly UnaryMethod<CreateAgentImageRequest, CreateAgentImageResponse> CreateAgentImage = new(Service, "CreateAgentImage", CreateAgentImageRequest.Parser, CreateAgentImageResponse.Parser);
    /// <summary>Reads one job.</summary>
    public static readonly UnaryMethod<GetJobRequest, GetJobResponse> GetJob = new(Service, "GetJob", GetJobRequest.Parser, GetJobResponse.Parser);
    /// <summary>Streams a job's changes until it has ended.</summary>
    public static readonly ServerStreamingMethod<WatchJobRequest, WatchJobResponse> WatchJob = new(Service, "WatchJob", WatchJobRequest.Parser, WatchJobResponse.Parser);
    /// <summary>Ends a job.</summary>
    public static readonly UnaryMethod<CancelJobRequest, CancelJobResponse> CancelJob = new(Service, "CancelJob", CancelJobRequest.Parser, CancelJobResponse.Parser);
    /// <summary>Reads all images.</summary>
    public static readonly UnaryMethod<ListImagesRequest, ListImagesResponse> ListImages = new(Service, "ListImages", ListImagesRequest.Parser, ListImagesResponse.Parser);
    /// <summary>Reads one image.</summary>
    public static readonly UnaryMethod<GetImageRequest, GetImageResponse> GetImage = new(Service, "GetImage", GetImageRequest.Parser, GetImageResponse.Parser);
    /// <summary>Removes an image or a name of one.</summary>
    public static readonly UnaryMethod<DeleteImageRequest, DeleteImageResponse> DeleteImage = new(Service, "DeleteImage", DeleteImageRequest.Parser, DeleteImageResponse.Parser);
    /// <summary>Removes images and blobs that nothing needs.</summary>
    public static readonly UnaryMethod<PruneImagesRequest, PruneImagesResponse> PruneImages = new(Service, "PruneImages", PruneImagesRequest.Parser, PruneImagesResponse.Parser);
    /// <summary>For the spawner: where an image is.</summary>
    public static readonly UnaryMethod<ResolveImageRequest, ResolveImageResponse> ResolveImage = new(Service, "ResolveImage", ResolveImageRequest.Parser, ResolveImageResponse.Parser);
}
