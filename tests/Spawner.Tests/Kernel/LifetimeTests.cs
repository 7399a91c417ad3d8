using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.Spawner.Tests.Backends;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Spawner.Tests.Kernel;

/// <summary>Restarts, and ends by the clock: with a clock that is moved by hand.</summary>
public sealed class LifetimeTests : IAsyncLifetime
{
    private readonly TemporaryHome _home = new();
    private readonly FakeMachine _machine = new();
    private readonly ManualTime _time = new();
    private TestKernel _kernel = null!;
    private AgentNews _news = null!;

    public async ValueTask InitializeAsync()
    {
        _kernel = await TestKernel.StartAsync(_home, _machine, _time);
        _news = await _kernel.WatchAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _news.DisposeAsync();
        await _kernel.DisposeAsync();
        _home.Dispose();
    }

    [Fact]
    public async Task Agent_ThatFails_IsStartedAnewWithTheSameIdNonceAndConfig()
    {
        var spawned = await SpawnAsync("exits", request =>
        {
            request.RestartPolicy = OnFailure(most: 3);
            request.SpawnInfo = Any.Pack(new Struct { Fields = { ["k"] = Value.ForString("v") } });
            request.Env["E"] = "e";
        });
        var first = _machine.Agents[spawned.Agent.Id];
        first.Release();
        await _news.UntilAsync(AgentState.Starting, spawned.Agent.Id, restarts: 1);
        await Refusal.IsAsync(RpcStatusCode.FailedPrecondition, "is not running yet", () => ResolveAsync(spawned));
        _time.Advance(TimeSpan.FromSeconds(1));
        var again = await _news.UntilAsync(AgentState.Idle, spawned.Agent.Id, restarts: 1);

        var second = _machine.Agents[spawned.Agent.Id];
        Assert.NotSame(first, second);
        Assert.Equal(("v", "e"), ((string?)second.Spec.Config["k"], second.Spec.Environment["E"]));
        Assert.Equal((string?)first.Spec.Config["nonce"], (string?)second.Spec.Config["nonce"]);
        Assert.Equal((true, spawned.Agent.ReadyAt), (again.Live, again.ReadyAt));
        await ResolveAsync(spawned);
    }

    [Fact]
    public async Task Agent_ThatFailsTooOften_IsFailedAndGivesItsShareBack()
    {
        await _kernel.CreateTeamAsync("red", 1);
        var id = (await SpawnAsync("exits", request =>
        {
            request.TeamId = "red";
            request.RestartPolicy = OnFailure(most: 2);
        })).Agent.Id;
        foreach (var (restart, seconds) in new[] { (1, 1), (2, 2) })
        {
            _machine.Agents[id].Release();
            await _news.UntilAsync(AgentState.Starting, id, restart);
            Assert.Equal(1, (await _kernel.UsedAsync("red")).Agents); // what waits to be started anew keeps its place
            _time.Advance(TimeSpan.FromSeconds(seconds));
            await _news.UntilAsync(AgentState.Idle, id, restart);
        }

        _machine.Agents[id].Release();
        var end = await _news.UntilAsync(AgentState.Failed, id);
        Assert.Equal((3, "its program exited with code 3, after 2 restarts", 2), (end.Exit.Code, end.Exit.Reason, end.Restarts));
        Assert.Equal(0, (await _kernel.UsedAsync("red")).Agents);
    }

    [Theory]
    [InlineData("floods")] // exits with 0
    [InlineData("exits")]
    public async Task Agent_WithoutCause_IsNotStartedAnew(string type)
    {
        var id = (await SpawnAsync(type, request => request.RestartPolicy = type == "exits" ? null : OnFailure(most: 3))).Agent.Id;
        _machine.Agents[id].Release();
        Assert.Equal(0, (await _news.UntilAsync(AgentState.Failed, id)).Restarts);
    }

    [Fact]
    public async Task Agent_KilledWhileItWaitsToBeStartedAnew_StaysEnded()
    {
        var id = (await SpawnAsync("exits", request => request.RestartPolicy = OnFailure(most: 3))).Agent.Id;
        _machine.Agents[id].Release();
        await _news.UntilAsync(AgentState.Starting, id, restarts: 1);
        var end = await _kernel.KillAsync(id);
        Assert.Equal((AgentState.Stopped, "it was killed on request"), (end.State, end.Exit.Reason));
        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.Empty(_machine.Running);
    }

    [Fact]
    public async Task Agent_WhoseKernelEndsBeforeItsRestart_IsStartedAnewByTheNext()
    {
        var id = (await SpawnAsync("exits", request => request.RestartPolicy = OnFailure(most: 3))).Agent.Id;
        _machine.Agents[id].Release();
        await _news.UntilAsync(AgentState.Starting, id, restarts: 1);
        _kernel.Options.KeepAgents = true;
        await _kernel.DisposeAsync();

        _kernel = await TestKernel.StartAsync(_home, _machine, _time);
        await using var news = await _kernel.WatchAsync();
        if (news.Snapshot.Single().Restarts < 2)
        {
            await news.UntilAsync(AgentState.Starting, id, restarts: 2);
        }

        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.True((await news.UntilAsync(AgentState.Idle, id, restarts: 2)).Live);
    }

    [Fact]
    public async Task Agent_WithoutATurnForItsIdleTimeout_IsEndedAndSaysSo()
    {
        var id = (await SpawnAsync("idle", request => request.IdleTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(10)))).Agent.Id;
        _time.Advance(TimeSpan.FromSeconds(9));
        await NoteAsync(id, running: true);
        _time.Advance(TimeSpan.FromSeconds(60)); // a turn runs
        await NoteAsync(id, running: false);
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.True((await _kernel.GetAsync(id)).Live);
        _time.Advance(TimeSpan.FromSeconds(1));
        var end = await _news.UntilAsync(AgentState.Stopped, id);
        Assert.Equal("it ran no turn for its idle_timeout of 10 s", end.Exit.Reason);
        Assert.Empty(_machine.Running);
    }

    [Fact]
    public async Task Agent_AtItsMaxLifetime_IsEndedAlsoWithATurn()
    {
        var id = (await SpawnAsync("idle", request => request.MaxLifetime = Duration.FromTimeSpan(TimeSpan.FromMinutes(5)))).Agent.Id;
        await NoteAsync(id, running: true);
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal("it reached its max_lifetime of 300 s", (await _news.UntilAsync(AgentState.Stopped, id)).Exit.Reason);
    }

    [Fact]
    public async Task MaxLifetime_OverARestartOfTheKernel_CountsFromTheFirst()
    {
        var id = (await SpawnAsync("idle", request => request.MaxLifetime = Duration.FromTimeSpan(TimeSpan.FromMinutes(5)))).Agent.Id;
        _kernel.Options.KeepAgents = true;
        await _kernel.DisposeAsync();
        _time.Advance(TimeSpan.FromMinutes(4));
        _kernel = await TestKernel.StartAsync(_home, _machine, _time);
        await using var news = await _kernel.WatchAsync();
        _time.Advance(TimeSpan.FromMinutes(1));
        await news.UntilAsync(AgentState.Stopped, id);
    }

    private static RestartPolicy OnFailure(int most) => new() { Mode = RestartPolicy.Types.Mode.OnFailure, MaxRestarts = most };

    private Task<SpawnAgentResponse> SpawnAsync(string type, Action<SpawnAgentRequest> adjust) => _kernel.SpawnAsync(type, adjust: adjust);

    private Task<ResolveAgentResponse> ResolveAsync(SpawnAgentResponse spawned) => _kernel.Service.CallAsync(
        AgentSpawnerMethods.ResolveAgent, new() { AgentId = spawned.Agent.Id, Nonce = spawned.Nonce }, cancellationToken: TestContext.Current.CancellationToken);

    private Task<ReportActivityResponse> NoteAsync(string id, bool running) => _kernel.Service.CallAsync(
        AgentSpawnerMethods.ReportActivity, new() { Activities = { new AgentActivity { AgentId = id, TurnRunning = running } } }, cancellationToken: TestContext.Current.CancellationToken);
}
