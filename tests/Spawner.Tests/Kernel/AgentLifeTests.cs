using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.Spawner.Tests.Backends;

namespace AgentKernel.Spawner.Tests.Kernel;

/// <summary>An agent from its start to the day its record is dropped, and what those who watch are told.</summary>
public sealed class AgentLifeTests : IAsyncLifetime
{
    private readonly TemporaryHome _home = new();
    private readonly FakeMachine _machine = new();
    private readonly ManualTime _time = new();
    private TestKernel _kernel = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _kernel = await TestKernel.StartAsync(_home, _machine, _time);

    public async ValueTask DisposeAsync()
    {
        await _kernel.DisposeAsync();
        _home.Dispose();
    }

    [Fact]
    public async Task Watch_OfALife_TellsEachChangeInOrder()
    {
        var before = (await _kernel.SpawnAsync("idle")).Agent;
        await using var news = await _kernel.WatchAsync();
        Assert.Equal(before.Id, Assert.Single(news.Snapshot).Id);
        var id = (await _kernel.SpawnAsync("exits")).Agent.Id;
        _machine.Agents[id].Release();
        var end = await news.UntilAsync(AgentState.Failed, id);
        Assert.Equal([AgentState.Starting, AgentState.Idle, AgentState.Failed], news.Seen.Select(agent => agent.State));
        Assert.Equal(news.Seen.Select(agent => agent.Revision).Order(), news.Seen.Select(agent => agent.Revision));
        Assert.Equal((3, "its program exited with code 3", "bye", false), (end.Exit.Code, end.Exit.Reason, end.Exit.OutputTail, end.Live));
        Assert.NotNull(end.EndedAt);
    }

    [Fact]
    public async Task Watch_WithAFilter_TellsOfThoseAlone()
    {
        await _kernel.CreateTeamAsync("red", 5);
        await using var all = await _kernel.WatchAsync();
        await using var filtered = _kernel.Operator.StreamAsync(
            AgentSpawnerMethods.WatchAgents, new() { TeamId = "red", Metadata = { ["k"] = "v" } }, cancellationToken: Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await filtered.MoveNextAsync());
        await _kernel.SpawnAsync("idle");
        await _kernel.SpawnAsync("idle", "red");
        var wanted = await _kernel.SpawnAsync("idle", "red", request => request.Metadata["k"] = "v");
        Assert.True(await Waiting.ForAsync(filtered.MoveNextAsync().AsTask(), "the one that matches", () => ""));
        Assert.Equal(wanted.Agent.Id, filtered.Current.Changed.Id);
        var listed = (await _kernel.CallAsync(AgentSpawnerMethods.ListAgents, new() { TeamId = "red", Metadata = { ["k"] = "v" }, LiveOnly = true })).Agents;
        Assert.Equal([wanted.Agent.Id], listed.Select(agent => agent.Id));
    }

    [Fact]
    public async Task Record_OfAnEndedAgent_StaysForItsTimeAndNoLonger()
    {
        var id = (await _kernel.SpawnAsync("idle")).Agent.Id;
        var first = await _kernel.KillAsync(id);
        Assert.Equal(first, await _kernel.KillAsync(id)); // changes nothing
        _time.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(first, await _kernel.GetAsync(id));
        _time.Advance(TimeSpan.FromMinutes(1));
        await Refusal.IsAsync(RpcStatusCode.NotFound, "agent_id", () => _kernel.GetAsync(id));
        Assert.Empty(await _kernel.ListAsync());
    }

    [Fact]
    public async Task Records_OfEndedAgents_BeyondTheirNumberAreDroppedFromTheOldestOn()
    {
        _kernel.Options.MaxEndedRecords = 2;
        var ids = new List<string>();
        for (var i = 0; i < 4; i++)
        {
            ids.Add((await _kernel.SpawnAsync("idle")).Agent.Id);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        foreach (var id in ids)
        {
            await _kernel.KillAsync(id);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(ids[2..], (await _kernel.ListAsync()).Select(agent => agent.Id));
    }

    [Fact]
    public async Task Kill_WhileItStarts_EndsTheStart()
    {
        await using var news = await _kernel.WatchAsync();
        var spawn = _kernel.SpawnAsync("neverready");
        var starting = await news.UntilAsync(AgentState.Starting);
        await Refusal.IsAsync(RpcStatusCode.FailedPrecondition, "is starting", () => ReadLogAsync(starting.Id));
        var killed = await _kernel.KillAsync(starting.Id);
        Assert.Equal((AgentState.Stopped, "it was killed on request"), (killed.State, killed.Exit.Reason));
        await Refusal.IsAsync(RpcStatusCode.Aborted, "was stopped while it started: it was killed on request", () => spawn);
        Assert.Empty(_machine.Running);
        Assert.Empty(_home.Leftovers(starting.Id));
    }

    [Fact]
    public async Task Kill_AtTheLastMomentOfAStart_EndsTheAgent()
    {
        // Not even a backend that overlooks the cancellation keeps it.
        var killing = new TaskCompletionSource<Task<Agent>>(TaskCreationOptions.RunContinuationsAsynchronously);
        _machine.BeforeReady = async (spec, cancellation) =>
        {
            var cancelled = new TaskCompletionSource();
            await using var registration = cancellation.Register(cancelled.SetResult);
            killing.SetResult(_kernel.KillAsync(spec.AgentId));
            await cancelled.Task;
        };
        await Refusal.IsAsync(RpcStatusCode.Aborted, "was stopped while it started", () => _kernel.SpawnAsync("idle"));
        Assert.Equal(AgentState.Stopped, (await await killing.Task).State);
        Assert.Empty(_machine.Running);
    }

    [Fact]
    public async Task Kill_FromManySides_EndsItOnce()
    {
        await using var news = await _kernel.WatchAsync();
        var id = (await _kernel.SpawnAsync("idle")).Agent.Id;
        var ends = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _kernel.KillAsync(id)));
        Assert.Single(ends.Distinct());
        await news.UntilAsync(AgentState.Stopped, id);
        await _kernel.SpawnAsync("idle", adjust: request => request.Name = "after");
        await news.UntilAsync(agent => agent.Name == "after", "the next agent");
        Assert.Single(news.Seen, agent => agent.Id == id && agent.State is AgentState.Stopped);
    }

    [Fact]
    public async Task Spawn_PastItsDeadline_LeavesNothing()
    {
        await using var news = await _kernel.WatchAsync();
        // The kernel's clock stands still, so it is the caller's that runs out.
        await Refusal.IsAsync(RpcStatusCode.DeadlineExceeded, "", () => _kernel.SpawnAsync("neverready", call: new() { Timeout = TimeSpan.FromMilliseconds(300) }));
        var end = await news.UntilAsync(AgentState.Failed);
        Assert.Equal("its start was cancelled", end.Exit.Reason);
        Assert.Empty(_machine.Running);
        Assert.Empty(_home.Leftovers(end.Id));
        Assert.Empty(await _kernel.ListAsync());
    }

    [Fact]
    public async Task Spawn_WhoseRecordCannotBeWritten_LeavesNothing()
    {
        string? id = null;
        _machine.BeforeReady = (spec, _) =>
        {
            id = spec.AgentId;
            Obstruct(spec.AgentId);
            return Task.CompletedTask;
        };
        await Refusal.IsAsync(RpcStatusCode.Internal, "internal error", () => _kernel.SpawnAsync("idle"));
        Assert.Empty(_machine.Running);
        Assert.Empty(_home.Leftovers(id!));
        Assert.Empty(await _kernel.ListAsync());
    }

    [Fact]
    public async Task End_ThatCannotBeWritten_IsToldAllTheSame()
    {
        await using var news = await _kernel.WatchAsync();
        var id = (await _kernel.SpawnAsync("exits")).Agent.Id;
        Obstruct(id);
        _machine.Agents[id].Release();
        Assert.Equal(3, (await news.UntilAsync(AgentState.Failed, id)).Exit.Code);
        await _kernel.KillAsync(id); // returns, as it has ended
    }

    [Fact]
    public async Task Shutdown_WithWatchersAndStarts_IsNotHeldUp()
    {
        await using var news = await _kernel.WatchAsync();
        await _kernel.SpawnAsync("idle");
        var spawn = _kernel.SpawnAsync("neverready");
        var starting = await news.UntilAsync(agent => agent.AgentType == "neverready", "the start");
        await Waiting.ForAsync(_kernel.StopAsync(), "the shutdown", () => string.Join('\n', _kernel.Log.TakeLast(30)));
        await Refusal.IsAsync(RpcStatusCode.Unavailable, "the kernel is shutting down", () => spawn);
        await Refusal.IsAsync(RpcStatusCode.Unavailable, "the kernel is shutting down", news.EndAsync);
        Assert.Empty(_machine.Running);
        Assert.Empty(_home.Leftovers(starting.Id));
    }

    [Fact]
    public async Task Shutdown_WithNoTimeLeftOfTheHosts_EndsAgentsAllTheSame()
    {
        _kernel.Options.StopGrace = TimeSpan.FromMilliseconds(50);
        var id = (await _kernel.SpawnAsync("ignoresterm")).Agent.Id;
        try
        {
            await _kernel.StopAsync(new CancellationToken(canceled: true));
        }
        catch (OperationCanceledException)
        {
            // The host says so, when all have stopped.
        }

        Assert.Empty(_machine.Running);
        Assert.Empty(_home.Leftovers(id));
    }

    [Fact]
    public async Task Debug_KeepsTheFolderOfAnEndedAgent()
    {
        _kernel.Options.Debug = true;
        var id = (await _kernel.SpawnAsync("idle")).Agent.Id;
        await _kernel.KillAsync(id);
        Assert.Contains("\"State\":\"Stopped\"", await File.ReadAllTextAsync(Path.Combine(_home.AgentFolder(id), "record.json"), Cancellation), StringComparison.Ordinal);
    }

    // A folder where the record should go.
    private void Obstruct(string id)
    {
        var record = Path.Combine(_home.AgentFolder(id), "record.json");
        File.Delete(record);
        Directory.CreateDirectory(record);
    }

    private async Task ReadLogAsync(string id)
    {
        await foreach (var piece in _kernel.Operator.StreamAsync(AgentSpawnerMethods.ReadAgentLog, new() { AgentId = id }, cancellationToken: Cancellation))
        {
            Assert.NotEmpty(piece.Data);
        }
    }
}
