using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.Spawner.Tests.Backends;

namespace AgentKernel.Spawner.Tests.Kernel;

/// <summary>Teams as reservations: what goes in, what does not, and what comes back.</summary>
public sealed class TeamTests : IAsyncLifetime
{
    private readonly TemporaryHome _home = new();
    private readonly FakeMachine _machine = new();
    private TestKernel _kernel = null!;

    public async ValueTask InitializeAsync() => _kernel = await TestKernel.StartAsync(_home, _machine);

    public async ValueTask DisposeAsync()
    {
        await _kernel.DisposeAsync();
        _home.Dispose();
    }

    [Fact]
    public async Task CreateTeam_Twice_IsRefused()
    {
        await _kernel.CreateTeamAsync("red", 2);
        await Refusal.IsAsync(RpcStatusCode.AlreadyExists, "team_id", () => _kernel.CreateTeamAsync("red", 2));
        var team = Assert.Single((await _kernel.CallAsync(AgentSpawnerMethods.ListTeams, new())).Teams);
        Assert.Equal(("red", 2, 0), (team.Id, team.Capacity.Agents, team.Used.Agents));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Red")]
    [InlineData("-red")]
    [InlineData("red/../blue")]
    public async Task CreateTeam_WithANameThatIsNoLabel_IsRefused(string name) =>
        await Refusal.IsAsync(RpcStatusCode.InvalidArgument, "team_id must be a DNS label", () => _kernel.CreateTeamAsync(name, 1));

    [Fact]
    public async Task CreateTeam_WithAmountsThatAreNone_NamesTheField()
    {
        await RefusedAsync(new() { Cpu = -1 }, "resources.cpu");
        await RefusedAsync(new() { Cpu = double.NaN }, "resources.cpu");
        await RefusedAsync(new() { MemoryBytes = -1 }, "resources.memory_bytes");
        await RefusedAsync(new() { Agents = -1 }, "resources.agents");

        Task RefusedAsync(Resources resources, string field) => Refusal.IsAsync(
            RpcStatusCode.InvalidArgument, field, () => _kernel.CallAsync(AgentSpawnerMethods.CreateTeam, new() { TeamId = "red", Resources = resources }));
    }

    [Fact]
    public async Task CreateTeam_BeyondTheHost_SaysWhatIsFree()
    {
        var cores = Environment.ProcessorCount * 16;
        await _kernel.CallAsync(AgentSpawnerMethods.CreateTeam, new() { TeamId = "most", Resources = new() { Cpu = cores - 1 } });
        await Refusal.IsAsync(RpcStatusCode.ResourceExhausted, $"2 cpu wanted, 1 of {cores} free",
            () => _kernel.CallAsync(AgentSpawnerMethods.CreateTeam, new() { TeamId = "rest", Resources = new() { Cpu = 2 } }));
    }

    [Fact]
    public async Task UnknownTeam_IsNotFoundByEveryCall()
    {
        await Refusal.IsAsync(RpcStatusCode.NotFound, "team_id", () => _kernel.CallAsync(AgentSpawnerMethods.GetTeam, new() { TeamId = "none" }));
        await Refusal.IsAsync(RpcStatusCode.NotFound, "team_id", () => _kernel.CallAsync(AgentSpawnerMethods.DeleteTeam, new() { TeamId = "none" }));
        await Refusal.IsAsync(RpcStatusCode.NotFound, "team_id", () => _kernel.SpawnAsync("idle", "none"));
        Assert.Empty(_machine.Running);
    }

    [Fact]
    public async Task Spawn_OfManyAtOnceIntoATeamOfTen_GivesTen()
    {
        await _kernel.CreateTeamAsync("ten", 10);
        var results = await Task.WhenAll(Enumerable.Range(0, 64).Select(async _ =>
        {
            try
            {
                await _kernel.SpawnAsync("idle", "ten");
                return RpcStatusCode.Ok;
            }
            catch (RpcException refusal)
            {
                Assert.Contains("team 'ten' is full: 1 agents wanted, 0 of 10 places free", refusal.Message, StringComparison.Ordinal);
                return refusal.Code;
            }
        }));
        Assert.Equal(10, results.Count(result => result is RpcStatusCode.Ok));
        Assert.Equal(54, results.Count(result => result is RpcStatusCode.ResourceExhausted));
        Assert.Equal(10, _machine.Running.Count());
        Assert.Equal(10, (await _kernel.UsedAsync("ten")).Agents);
    }

    [Fact]
    public async Task Share_OfAnAgent_ComesBackHoweverItEnds()
    {
        await _kernel.CreateTeamAsync("one", 1);
        await Refusal.IsAsync(RpcStatusCode.FailedPrecondition, "exited with code 7", () => _kernel.SpawnAsync("exitsatstart", "one"));
        Assert.Equal(0, (await _kernel.UsedAsync("one")).Agents);

        var killed = await _kernel.SpawnAsync("idle", "one");
        Assert.Equal(1, (await _kernel.UsedAsync("one")).Agents);
        await _kernel.KillAsync(killed.Agent.Id);
        Assert.Equal(0, (await _kernel.UsedAsync("one")).Agents);

        await using var news = await _kernel.WatchAsync();
        var died = await _kernel.SpawnAsync("exits", "one");
        _machine.Agents[died.Agent.Id].Release();
        await news.UntilAsync(AgentState.Failed, died.Agent.Id);
        Assert.Equal(0, (await _kernel.UsedAsync("one")).Agents);

        using var cancel = new CancellationTokenSource();
        var cancelled = _kernel.SpawnAsync("neverready", "one", cancellation: cancel.Token);
        var starting = await news.UntilAsync(AgentState.Starting);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        await news.UntilAsync(AgentState.Failed, starting.Id);
        Assert.Equal(0, (await _kernel.UsedAsync("one")).Agents);
        await _kernel.SpawnAsync("idle", "one");
    }

    [Fact]
    public async Task DeleteTeam_WithMembers_EndsThemAndTellsOfEach()
    {
        await _kernel.CreateTeamAsync("red", 3);
        await using var news = await _kernel.WatchAsync();
        var outside = await _kernel.SpawnAsync("idle");
        var inside = await _kernel.SpawnAsync("idle", "red");
        var spawn = _kernel.SpawnAsync("neverready", "red"); // still starting
        var starting = await news.UntilAsync(agent => agent.State is AgentState.Starting && agent.AgentType == "neverready", "the start");

        var killed = (await _kernel.CallAsync(AgentSpawnerMethods.DeleteTeam, new() { TeamId = "red" })).Killed;
        Assert.Equal(new[] { inside.Agent.Id, starting.Id }.Order(StringComparer.Ordinal), killed.Select(agent => agent.Id).Order(StringComparer.Ordinal));
        Assert.All(killed, agent => Assert.Equal((AgentState.Stopped, "its team 'red' was deleted"), (agent.State, agent.Exit.Reason)));
        await Refusal.IsAsync(RpcStatusCode.Aborted, "its team 'red' was deleted", () => spawn);
        Assert.Equal([outside.Agent.Id], _machine.Running);
        await Refusal.IsAsync(RpcStatusCode.NotFound, "team_id", () => _kernel.UsedAsync("red"));
        await _kernel.CreateTeamAsync("red", 1);
    }

    [Fact]
    public async Task DeleteTeam_WhileManySpawnIntoIt_LeavesNoneBehind()
    {
        await _kernel.CreateTeamAsync("red", 100);
        var spawns = Enumerable.Range(0, 50).Select(async _ =>
        {
            try
            {
                await _kernel.SpawnAsync("idle", "red");
            }
            catch (RpcException refusal)
            {
                Assert.Contains(refusal.Code, new[] { RpcStatusCode.NotFound, RpcStatusCode.FailedPrecondition, RpcStatusCode.Aborted });
            }
        }).ToList();
        await Task.WhenAny(spawns);
        await _kernel.CallAsync(AgentSpawnerMethods.DeleteTeam, new() { TeamId = "red" });
        await Task.WhenAll(spawns);
        Assert.Empty(_machine.Running);
    }
}
