using System.Runtime.CompilerServices;
using AgentKernel.Contracts.V1;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Rpc;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Packaging.Jobs;

/// <summary>One image in the making: what is known of it, and the news of each change.</summary>
internal sealed class BuildJob(CreateAgentImageRequest request, TimeProvider time) : IProgress<long>
{
    private const int MaxLogLines = 200;
    private const int MaxLineLength = 2000;
    private const long NewsEvery = 1 << 20; // bytes: not each piece that was read is worth a message

    private readonly Lock _lock = new();
    private readonly Job _job = new()
    {
        Id = Guid.NewGuid().ToString(),
        State = JobState.Running,
        ImageName = request.Name,
        CreatedAt = time.GetUtcNow().ToTimestamp(),
    };

    private readonly HashSet<Digest> _pinned = [];
    private int _lines; // all there ever were
    private long _toldBytes;
    private TaskCompletionSource _changed = NewSignal();

    public string Id => _job.Id;

    public CreateAgentImageRequest Request { get; } = request;

    public CancellationTokenSource Cancellation { get; } = new();

    /// <summary>Ends when the job has, and never fails.</summary>
    public Task Completion { get; set; } = Task.CompletedTask;

    /// <summary>The job as it is.</summary>
    public Job Snapshot()
    {
        lock (_lock)
        {
            return _job.Clone();
        }
    }

    /// <summary>A blob that must stay for as long as the job runs.</summary>
    public void Pin(Digest digest)
    {
        lock (_lock)
        {
            _pinned.Add(digest);
        }
    }

    public bool IsPinned(Digest digest)
    {
        lock (_lock)
        {
            return _job.State is JobState.Running && _pinned.Contains(digest);
        }
    }

    public void Enter(JobStage stage, long totalBytes = 0) => Change(job => (job.Stage, job.Bytes, job.TotalBytes, _toldBytes) = (stage, 0, totalBytes, 0));

    public void Log(string line)
    {
        line = line.Length > MaxLineLength ? line[..MaxLineLength] + "…" : line;
        Change(job =>
        {
            _lines++;
            job.Log.Add(line);
            if (job.Log.Count > MaxLogLines)
            {
                job.Log.RemoveAt(0);
            }
        });
    }

    /// <summary>Tells how many bytes of this stage are done.</summary>
    public void Report(long value)
    {
        lock (_lock)
        {
            _job.Bytes = value;
            if (value - _toldBytes < NewsEvery)
            {
                return;
            }

            _toldBytes = value;
        }

        Signal();
    }

    public void Succeed(Image image, bool cached) => Change(job =>
        (job.State, job.Stage, job.Image, job.Cached, job.EndedAt) = (JobState.Succeeded, JobStage.Done, image, cached, time.GetUtcNow().ToTimestamp()));

    public void Fail(RpcStatusCode code, string error) => Change(job =>
        (job.State, job.ErrorCode, job.Error, job.EndedAt) = (JobState.Failed, (int)code, error, time.GetUtcNow().ToTimestamp()));

    public void Cancelled() => Change(job =>
        (job.State, job.ErrorCode, job.Error, job.EndedAt) = (JobState.Cancelled, (int)RpcStatusCode.Cancelled, "it was cancelled", time.GetUtcNow().ToTimestamp()));

    /// <summary>The job as it is, then each change until it has ended. One who reads slowly is told less often, and of no line twice.</summary>
    public async IAsyncEnumerable<WatchJobResponse> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var told = 0;
        while (true)
        {
            WatchJobResponse message;
            Task changed;
            lock (_lock)
            {
                message = new() { Job = _job.Clone() };
                message.LogLines.Add(_job.Log.Skip(Math.Max(0, _job.Log.Count - (_lines - told))));
                (told, changed) = (_lines, _changed.Task);
            }

            message.Job.Log.Clear();
            yield return message;
            if (message.Job.State is not JobState.Running)
            {
                yield break;
            }

            await changed.WaitAsync(cancellationToken);
        }
    }

    private void Change(Action<Job> change)
    {
        lock (_lock)
        {
            change(_job);
        }

        Signal();
    }

    private void Signal()
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            (changed, _changed) = (_changed, NewSignal());
        }

        changed.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
