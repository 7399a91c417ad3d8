using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.AgentBus.Tests.Log;
using AgentKernel.Rpc;

namespace AgentKernel.AgentBus.Tests.Service;

/// <summary>A service that starts anew on what one before has left.</summary>
public sealed class RestartTests : IDisposable
{
    private readonly TemporaryFolder _home = new();

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task Service_StartedAnew_DecidesWhatIsUndecidedByWhatTheLogSays()
    {
        BusUser agent;
        long waits, human;
        await using (var server = await BusServer.StartAsync(_home.Path))
        {
            agent = await server.RegisterAsync();
            await agent.AppendAsync(Entries.Input("hello"));
            await server.Owner(agent.BusId).AppendAsync(Policies.Batch(1, DeciderPolicy.FirstBooleanWins, ("second", new Voter { RuleBased = new() { Rules = "2" }, Quorum = Policies.All })));
            waits = await agent.IntendAsync("wait");
            human = await agent.IntendAsync("human");
            await agent.VotesAsync(human, 2);
        }

        await using var again = await BusServer.StartAsync(_home.Path);
        agent = agent with { Channel = again.Channel };
        await again.Owner(agent.BusId).VoteAsync(human, yes: true);

        Assert.True((await agent.DecisionAsync(human)).Commits);
        await again.Owner(agent.BusId).VoteAsync(waits, yes: false, reason: "no longer");
        Assert.Equal((false, "human: no longer"), await agent.DecisionAsync(waits));
        var buses = await again.Channel.CallAsync(BusAdminMethods.ListBuses, new(), new() { BearerToken = BusServer.OperatorToken }, Patience.Token);
        var bus = Assert.Single(buses.Buses);
        Assert.Equal((2L, "FIRST_BOOLEAN_WINS", 0, "rules, second"), (bus.PolicyVersion, bus.DeciderPolicy, bus.Undecided, string.Join(", ", bus.VoterIds)));
    }

    [Fact]
    public async Task Service_StartedAnewAfterTheDeadline_AbortsWhatWaited()
    {
        BusUser agent;
        long intention;
        await using (var server = await BusServer.StartAsync(_home.Path))
        {
            agent = await server.RegisterAsync();
            intention = await agent.IntendAsync("wait");
        }

        await using var again = await BusServer.StartAsync(_home.Path, new() { DecisionTimeout = TimeSpan.FromTicks(1) });

        Assert.Equal((false, "no decision was made in time"), await (agent with { Channel = again.Channel }).DecisionAsync(intention));
    }

    [Fact]
    public async Task Service_OnFilesOfAnother_IsRefused()
    {
        await using var server = await BusServer.StartAsync(_home.Path);

        Assert.Contains("another bus service", (await Assert.ThrowsAsync<InvalidOperationException>(() => BusServer.StartAsync(_home.Path))).Message);
    }

    [Fact]
    public async Task Bus_WhoseLogIsDamaged_IsRefusedAndTheOthersGoOn()
    {
        BusUser damaged, sound;
        await using (var server = await BusServer.StartAsync(_home.Path))
        {
            damaged = await server.RegisterAsync();
            sound = await server.RegisterAsync();
            await damaged.AppendAsync(Entries.Input("1"));
            await damaged.AppendAsync(Entries.Input("2"));
        }

        var file = Directory.EnumerateFiles(Path.Combine(_home.Path, "bus", damaged.BusId, "log")).Single();
        var bytes = await File.ReadAllBytesAsync(file);
        bytes[20] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
        await using var again = await BusServer.StartAsync(_home.Path);

        Assert.True((await (sound with { Channel = again.Channel }).DecisionAsync(await (sound with { Channel = again.Channel }).IntendAsync("yes"))).Commits);
        Assert.Equal(RpcStatusCode.DataLoss, (await Assert.ThrowsAsync<RpcException>(() => again.Operator(damaged.BusId).PollAsync())).Code);
        Assert.Equal(RpcStatusCode.DataLoss, (await Assert.ThrowsAsync<RpcException>(() => again.RegisterAsync(damaged.BusId))).Code);
        await Assert.ThrowsAsync<RpcException>(() => (damaged with { Channel = again.Channel }).IntendAsync("yes"));

        await again.Channel.CallAsync(BusAdminMethods.DeleteBus, new() { BusId = damaged.BusId }, new() { BearerToken = BusServer.OperatorToken }, Patience.Token);
        Assert.False(Directory.Exists(Path.Combine(_home.Path, "bus", damaged.BusId)));
    }

    [Fact]
    public async Task Bus_Deleted_LeavesNothingBehind()
    {
        await using var server = await BusServer.StartAsync(_home.Path);
        var agent = await server.RegisterAsync();
        await agent.IntendAsync("wait");
        var poll = agent.BlockingPollAsync(1000, 60_000, SelectivePollType.Commit);

        await server.Channel.CallAsync(BusAdminMethods.DeleteBus, new() { BusId = agent.BusId }, new() { BearerToken = BusServer.ServiceToken }, Patience.Token);

        Assert.Equal(RpcStatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => agent.TailAsync())).Code);
        Assert.Contains((await Assert.ThrowsAsync<RpcException>(() => poll)).Code, new[] { RpcStatusCode.Unavailable, RpcStatusCode.PermissionDenied });
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(_home.Path, "bus")));
    }

    [Fact]
    public async Task Bus_WithRetention_DropsOldFilesKeepsItsPolicyAndNothingUndecided()
    {
        BusUser agent;
        long undecided;
        await using (var server = await BusServer.StartAsync(_home.Path, new() { SegmentBytes = 2000 }))
        {
            agent = await server.RegisterAsync();
            await server.Owner(agent.BusId).AppendAsync(Policies.Batch(1, DeciderPolicy.FirstBooleanWins, ("second", new Voter { RuleBased = new() { Rules = "2" }, Quorum = Policies.All })));
            for (var i = 0; i < 50; i++)
            {
                await agent.AppendAsync(Entries.Input(new string('x', 200)));
            }

            undecided = await agent.IntendAsync("wait");
            for (var i = 0; i < 50; i++)
            {
                await agent.AppendAsync(Entries.Input(new string('y', 200)));
            }
        }

        for (var times = 0; times < 2; times++)
        {
            // Dropped at start, asked again at the next: the policy comes from what was kept of it.
            await using var again = await BusServer.StartAsync(_home.Path, new() { SegmentBytes = 2000, RetainBytes = 2000 });
            var reader = agent with { Channel = again.Channel };
            await again.Owner(agent.BusId).AppendAsync(new() { DeciderPolicy = DeciderPolicy.FirstBooleanWins }); // has read all
            var bus = Assert.Single((await again.Channel.CallAsync(BusAdminMethods.ListBuses, new(), new() { BearerToken = BusServer.OperatorToken }, Patience.Token)).Buses);

            Assert.Equal((2L, "rules, second", 1), (bus.PolicyVersion, string.Join(", ", bus.VoterIds), bus.Undecided));
            if (times > 0)
            {
                Assert.InRange(bus.FirstPosition, 2, undecided);
                Assert.Equal(bus.FirstPosition, (await reader.PollAsync()).Entries[0].Header.LogPosition);
            }
        }
    }
}
