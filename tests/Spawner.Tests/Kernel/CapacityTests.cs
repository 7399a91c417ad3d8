using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.Spawner.Tests.Backends;

namespace AgentKernel.Spawner.Tests.Kernel;

/// <summary>A team's capacity is given back on every backend, however a real agent ends. With the fake: <see cref="TeamTests"/>.</summary>
public sealed class CapacityTests : IDisposable
{
    private readonly TemporaryHome _home = new();

    public void Dispose() => _home.Dispose();

    [Theory]
    [InlineData("local")]
    [InlineData("bwrap")]
    public async Task Share_OfARealAgent_ComesBackHoweverItEnds(string backend)
    {
        _ = Machine.Program(backend == "bwrap" ? "bwrap" : "sh");
        await using var kernel = await TestKernel.StartAsync(
            _home,
            backend: backend,
            types:
            [
                ShellAgent.Type("ready; exec sleep 1000", "stays"),
                ShellAgent.Type("ready; kill -9 $$", "dies"),
                ShellAgent.Type("echo no; exit 7", "refuses"),
                ShellAgent.Type("exec sleep 1000", "hangs"),
            ]);
        await using var news = await kernel.WatchAsync();
        await kernel.CreateTeamAsync("one", 1);
        await Refusal.IsAsync(RpcStatusCode.FailedPrecondition, "exited with code 7", () => SpawnAsync("refuses"));
        await GivenBackAsync();

        var stays = await SpawnAsync("stays");
        await Refusal.IsAsync(RpcStatusCode.ResourceExhausted, "team 'one' is full", () => SpawnAsync("stays"));
        await kernel.KillAsync(stays.Agent.Id);
        await GivenBackAsync();

        var dies = await SpawnAsync("dies");
        await news.UntilAsync(AgentState.Failed, dies.Agent.Id);
        await GivenBackAsync();

        using var cancel = new CancellationTokenSource();
        var hangs = SpawnAsync("hangs", cancel.Token);
        var starting = await news.UntilAsync(agent => agent is { State: AgentState.Starting, AgentType: "hangs" }, "the start");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => hangs);
        await news.UntilAsync(AgentState.Failed, starting.Id);
        await GivenBackAsync();
        Assert.Empty(_home.Leftovers(starting.Id));

        Task<SpawnAgentResponse> SpawnAsync(string type, CancellationToken? cancellation = null) =>
            kernel.SpawnAsync(type, "one", request => request.Env["SOCKET"] = backend == "bwrap" ? "/run/agent/s" : "", cancellation: cancellation);

        async Task GivenBackAsync() => Assert.Equal((0, 0), ((await kernel.UsedAsync("one")).Agents, (await kernel.UsedAsync("one")).Cpu));
    }

    [Fact]
    public async Task Use_OfATeam_IsReadBackByTheNextKernel()
    {
        var type = ShellAgent.Type("ready; exec sleep 1000");
        string id;
        await using (var first = await TestKernel.StartAsync(_home, types: type))
        {
            await first.CreateTeamAsync("two", 2);
            id = (await first.SpawnAsync("shell", "two", request => request.Resources = new() { Cpu = 0.5, MemoryBytes = 64 << 20, Pids = 10 })).Agent.Id;
            await first.SpawnAsync("shell", "two");
            first.Options.KeepAgents = true;
        }

        await using var second = await TestKernel.StartAsync(_home, types: type);
        var used = await second.UsedAsync("two");
        Assert.Equal((1.5, 64L << 20, 10, 2), (used.Cpu, used.MemoryBytes, used.Pids, used.Agents));
        await Refusal.IsAsync(RpcStatusCode.ResourceExhausted, "team 'two' is full", () => second.SpawnAsync("shell", "two"));
        await second.KillAsync(id);
        Assert.Equal(1, (await second.UsedAsync("two")).Agents);
    }
}
