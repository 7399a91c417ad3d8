using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;

namespace AgentKernel.Packaging.Tests.Service;

public sealed class JobTests
{
    [Theory]
    [InlineData(JobStage.Fetching)]
    [InlineData(JobStage.Unpacking)]
    [InlineData(JobStage.Assembling)]
    public async Task Cancel_AtAnyStage_EndsTheJobAndLeavesNothing(JobStage at)
    {
        await using var service = await RunningPackaging.StartAsync();
        var uri = await service.UploadAsync(("a", "1"));
        var held = Hold(service, at);
        var job = await service.Client.Packaging.StartImageAsync(RunningPackaging.Request("image", (uri, "a", "")));
        await held.Reached.Task.WaitAsync(RunningPackaging.Patience);
        var cancelled = await service.Client.Packaging.CancelJobAsync(job.Id);
        Assert.Equal((JobState.Cancelled, at), (cancelled.State, cancelled.Stage));
        Assert.Empty(await service.Client.Packaging.ListAsync());
        // What was unpacked before is kept for the next time, and no image's.
        Assert.DoesNotContain(service.Leftovers(), left => !left.StartsWith("unpacked", StringComparison.Ordinal));

        service.Builder.AtStage = null;
        Assert.Equal(JobState.Succeeded, (await ImageTests.EndedAsync(service, RunningPackaging.Request("image", (uri, "a", "")))).State);
    }

    [Fact]
    public async Task CreateImage_CallerGoesAway_CancelsTheJob()
    {
        await using var service = await RunningPackaging.StartAsync();
        var uri = await service.UploadAsync(("a", "1"));
        var held = Hold(service, JobStage.Unpacking);
        using var gone = new CancellationTokenSource();
        var creating = service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("image", (uri, "a", "")), cancellationToken: gone.Token);
        await held.Reached.Task.WaitAsync(RunningPackaging.Patience);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => creating);
        Assert.Empty(service.Leftovers());
    }

    [Fact]
    public async Task Start_SameNameTwiceAtOnce_JoinsTheSameAndRefusesAnother()
    {
        await using var service = await RunningPackaging.StartAsync();
        var (a, b) = (await service.UploadAsync(("a", "1")), await service.UploadAsync(("b", "2")));
        var held = Hold(service, JobStage.Unpacking);
        var first = await service.Client.Packaging.StartImageAsync(RunningPackaging.Request("image", (a, "a", "")));
        await held.Reached.Task.WaitAsync(RunningPackaging.Patience);
        Assert.Equal(first.Id, (await service.Client.Packaging.StartImageAsync(RunningPackaging.Request("image", (a, "a", "")))).Id);
        var refused = await Assert.ThrowsAsync<RpcException>(() => service.Client.Packaging.StartImageAsync(RunningPackaging.Request("image", (b, "b", ""))));
        Assert.Equal(RpcStatusCode.Aborted, refused.Code);
        Assert.Contains(first.Id, refused.Message, StringComparison.Ordinal);

        held.Go.SetResult();
        await foreach (var change in service.Client.Packaging.WatchJobAsync(first.Id))
        {
            first = change.Job;
        }

        Assert.Equal(JobState.Succeeded, first.State);
        Assert.Single(await service.Client.Packaging.ListAsync());
    }

    [Fact]
    public async Task Start_ManyNamesOfTheSameContentAtOnce_MakeOneImage()
    {
        await using var service = await RunningPackaging.StartAsync();
        var uri = await service.UploadAsync([.. Enumerable.Range(0, 50).Select(i => ($"f{i}", "x"))]);
        var jobs = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => ImageTests.EndedAsync(service, RunningPackaging.Request($"image-{i}", (uri, "a", "")))));
        Assert.All(jobs, job => Assert.Equal((JobState.Succeeded, ""), (job.State, job.Error)));
        Assert.Equal(16, Assert.Single(await service.Client.Packaging.ListAsync()).Names.Count);
    }

    [Fact]
    public async Task Watch_TellsStagesAndEachLineOnce()
    {
        await using var service = await RunningPackaging.StartAsync();
        var uri = await service.UploadAsync(("a", "1"));
        var held = Hold(service, JobStage.Assembling);
        var job = await service.Client.Packaging.StartImageAsync(RunningPackaging.Request("image", (uri, "a", "")));
        var lines = new List<string>();
        await foreach (var change in service.Client.Packaging.WatchJobAsync(job.Id))
        {
            job = change.Job;
            lines.AddRange(change.LogLines);
            if (job.Stage is JobStage.Assembling && !held.Go.Task.IsCompleted)
            {
                Assert.Equal(JobState.Running, job.State); // told while it runs
                held.Go.SetResult();
            }
        }

        Assert.Equal((JobState.Succeeded, JobStage.Done), (job.State, job.Stage));
        var kept = await service.Client.Packaging.GetJobAsync(job.Id);
        Assert.Equal(kept.Log, lines);
        Assert.Contains(lines, line => line.Contains(uri["blob://".Length..], StringComparison.Ordinal));
        Assert.Equal(JobState.Succeeded, (await service.Client.Packaging.CancelJobAsync(job.Id)).State); // too late
    }

    [Fact]
    public async Task Prune_WhileAJobNeedsABlob_LeavesIt()
    {
        await using var service = await RunningPackaging.StartAsync();
        var uri = await service.UploadAsync(("a", "1"));
        var held = Hold(service, JobStage.Unpacking);
        var job = await service.Client.Packaging.StartImageAsync(RunningPackaging.Request("image", (uri, "a", "")));
        await held.Reached.Task.WaitAsync(RunningPackaging.Patience);
        Assert.Equal(0, (await service.Client.Packaging.PruneAsync(all: true)).Blobs);
        held.Go.SetResult();
        await foreach (var change in service.Client.Packaging.WatchJobAsync(job.Id))
        {
            job = change.Job;
        }

        Assert.Equal(JobState.Succeeded, job.State);
    }

    [Fact]
    public async Task Job_Unknown_IsNotFound()
    {
        await using var service = await RunningPackaging.StartAsync();
        Assert.Equal(RpcStatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => service.Client.Packaging.GetJobAsync("none"))).Code);
        Assert.Equal(RpcStatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => service.Client.Packaging.CancelJobAsync("none"))).Code);
    }

    private static (TaskCompletionSource Reached, TaskCompletionSource Go) Hold(RunningPackaging service, JobStage at)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        service.Builder.AtStage = async (stage, cancellationToken) =>
        {
            if (stage == at)
            {
                reached.TrySetResult();
                await go.Task.WaitAsync(cancellationToken);
            }
        };
        return (reached, go);
    }
}
