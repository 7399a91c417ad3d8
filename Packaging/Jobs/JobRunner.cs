using AgentKernel.Contracts.V1;
using AgentKernel.Packaging.Archives;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Backends.Oci.Registry;
using AgentKernel.Packaging.Blobs;
using AgentKernel.Rpc;

namespace AgentKernel.Packaging.Jobs;

/// <summary>Owns the jobs: begins, finds and cancels them, and ends them all with the service.</summary>
internal sealed partial class JobRunner(ImageBuilder builder, PackagingOptions options, TimeProvider time, ILogger<JobRunner> logger) : IHostedService
{
    private const int MaxRunning = 32;
    private const int MaxEnded = 100;

    private readonly Lock _lock = new();
    private readonly List<BuildJob> _jobs = []; // oldest first
    private bool _stopping;

    /// <summary>Begins a job, or answers the one that makes the same image under the same name just now.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT; ABORTED; RESOURCE_EXHAUSTED.</exception>
    public Job Start(CreateAgentImageRequest request)
    {
        BundleRules.Check(request, options);
        lock (_lock)
        {
            if (_stopping)
            {
                throw new RpcException(RpcStatusCode.Unavailable, "the packaging service is shutting down");
            }

            var running = _jobs.Where(job => job.Snapshot().State is JobState.Running).ToList();
            if (running.Find(job => job.Request.Name == request.Name) is { } same)
            {
                return same.Request.Equals(request) ? same.Snapshot() : throw new RpcException(
                    RpcStatusCode.Aborted, $"name: another image '{request.Name}' is being made, by job {same.Id}; wait for it, or cancel it");
            }

            if (running.Count >= MaxRunning)
            {
                throw new RpcException(RpcStatusCode.ResourceExhausted, $"{MaxRunning} images are being made already; wait for one of them");
            }

            var job = new BuildJob(request.Clone(), time);
            _jobs.Add(job);
            while (_jobs.Count - running.Count - 1 > MaxEnded)
            {
                _jobs.Remove(_jobs.First(old => old.Snapshot().State is not JobState.Running));
            }

            job.Completion = Task.Run(() => RunAsync(job), CancellationToken.None);
            return job.Snapshot();
        }
    }

    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public BuildJob Get(string jobId)
    {
        lock (_lock)
        {
            return _jobs.Find(job => job.Id == jobId)
                ?? throw new RpcException(RpcStatusCode.NotFound, $"job_id: there is no job '{jobId}'; only the last {MaxEnded} that have ended are kept");
        }
    }

    /// <summary>Ends a job; returns when nothing of it is left. One that has ended stays as it is.</summary>
    public async Task<Job> CancelAsync(string jobId)
    {
        var job = Get(jobId);
        await job.Cancellation.CancelAsync();
        await job.Completion;
        return job.Snapshot();
    }

    /// <summary>Whether a running job needs a blob.</summary>
    public bool IsPinned(Digest digest)
    {
        lock (_lock)
        {
            return _jobs.Exists(job => job.IsPinned(digest));
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        List<BuildJob> jobs;
        lock (_lock)
        {
            _stopping = true;
            jobs = [.. _jobs];
        }

        await Task.WhenAll(jobs.Select(job => job.Cancellation.CancelAsync()));
        await Task.WhenAll(jobs.Select(job => job.Completion));
    }

    private async Task RunAsync(BuildJob job)
    {
        try
        {
            var (image, cached) = await builder.BuildAsync(job, job.Cancellation.Token);
            job.Succeed(image, cached);
            LogMade(image.Id, job.Request.Name, cached);
        }
        catch (OperationCanceledException) when (job.Cancellation.IsCancellationRequested)
        {
            job.Cancelled();
        }
        catch (Exception exception)
        {
            var (code, message) = Describe(exception);
            if (code is RpcStatusCode.Internal)
            {
                LogFailed(exception, job.Id);
            }

            job.Fail(code, message);
        }
    }

    private (RpcStatusCode Code, string Message) Describe(Exception exception) => exception switch
    {
        BundleException { InnerException: { } inner } bundle when Describe(inner) is var (code, message) => (code, $"{bundle.Message}: {message}"),
        RpcException refused => (refused.Code, refused.Message),
        ArchiveException refused => (RpcStatusCode.InvalidArgument, refused.Message),
        BlobException { TooLarge: true } => (RpcStatusCode.ResourceExhausted, BlobErrors.TooLarge(options.MaxBlobBytes).Message),
        BlobException refused => (RpcStatusCode.InvalidArgument, refused.Message),
        OciException refused => (RpcStatusCode.FailedPrecondition, refused.Message),
        RegistryException refused => (CodeOf(refused.Failure), refused.Message),
        InvalidDataException => (RpcStatusCode.InvalidArgument, "the archive's compression is damaged"),
        _ when BlobErrors.IsDiskFull(exception) => (RpcStatusCode.ResourceExhausted, "the disk of the packaging service is full"),
        _ => (RpcStatusCode.Internal, "the image could not be made; the service's log says why"),
    };

    private static RpcStatusCode CodeOf(RegistryFailure failure) => failure switch
    {
        RegistryFailure.Unauthorized or RegistryFailure.Denied => RpcStatusCode.PermissionDenied,
        RegistryFailure.NotFound => RpcStatusCode.NotFound,
        RegistryFailure.Protocol => RpcStatusCode.FailedPrecondition,
        _ => RpcStatusCode.Unavailable,
    };

    [LoggerMessage(Level = LogLevel.Information, Message = "Image {ImageId} is there as {Name} (it was before: {Cached})")]
    private partial void LogMade(string imageId, string name, bool cached);

    [LoggerMessage(Level = LogLevel.Error, Message = "Job {JobId} failed")]
    private partial void LogFailed(Exception exception, string jobId);
}

/// <summary>What went wrong, with the bundle that it went wrong with.</summary>
internal sealed class BundleException(string bundle, Exception inner) : Exception(bundle, inner);
