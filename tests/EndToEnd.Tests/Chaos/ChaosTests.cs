using System.Diagnostics;
using System.Threading.Channels;
using AgentKernel.Contracts.V1;

namespace AgentKernel.EndToEnd.Tests.Chaos;

/// <summary>Agents are spawned, spoken to, killed and crash, all at random, while the kernel is killed under them again and again.</summary>
[Collection(nameof(LeakTests))]
public sealed class ChaosTests(ITestOutputHelper output)
{
    private static readonly int Owners = Proof.InFull ? 30 : 10;
    private static readonly int KernelDeaths = Proof.InFull ? 10 : 3;
    private static readonly TimeSpan LongestLife = TimeSpan.FromSeconds(6); // of a kernel: two minutes for all, with their starts

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Kernel_KilledAgainAndAgain_LosesNothingAndLeavesNothing()
    {
        output.WriteLine($"seed {Proof.Seed} (AGENTKERNEL_SEED), {Owners} agents, {KernelDeaths} deaths of the kernel");
        await using var kernel = await MortalKernel.StartAsync();
        await kernel.Last.Client.Spawner.CreateTeamAsync(ChaosOwner.Team, new() { Agents = Owners }, Cancelled);
        using var starts = new SemaphoreSlim(3);
        List<ChaosOwner> owners = [.. Enumerable.Range(0, Owners).Select(number => new ChaosOwner(number, Proof.Seed, kernel, starts))];
        await Task.WhenAll(owners.Select(owner => owner.StepAsync())); // each has its first agent
        await RunAsync(kernel, owners);

        await AccountAsync(kernel.Last, owners);
        await kernel.Last.Client.Spawner.DeleteTeamAsync(ChaosOwner.Team, Cancelled);
        var ended = await kernel.Last.Client.Spawner.ListAsync(cancellationToken: Cancelled);
        Assert.All(ended, agent => Assert.NotEmpty(agent.Exit.Reason));
        Assert.Empty(Traces.Folders(kernel.Home).Except(ended.Select(agent => agent.Id)));
        Assert.Empty(Traces.Processes(kernel.Home));
        Assert.Empty(Traces.Sockets(kernel.Home));
        Assert.Empty(Traces.ControlGroups(owners.SelectMany(owner => owner.Known)));
        Assert.Equal(0, await kernel.Last.EndAsync());
    }

    private async Task RunAsync(MortalKernel kernel, List<ChaosOwner> owners)
    {
        var watch = Stopwatch.StartNew();
        using var enough = new CancellationTokenSource();
        var steps = Channel.CreateUnbounded<int>();
        var working = Task.WhenAll(owners.Select(async owner =>
        {
            while (!enough.IsCancellationRequested)
            {
                await owner.StepAsync();
                steps.Writer.TryWrite(0);
            }
        }));
        var random = new Random(Proof.Seed);
        for (var death = 0; death < KernelDeaths; death++)
        {
            await LiveAsync(random.Next(Owners, 4 * Owners));
            await kernel.KillAsync();
        }

        await enough.CancelAsync();
        await working;
        output.WriteLine(
            $"{watch.Elapsed.TotalSeconds:0} s: {owners.Sum(owner => owner.Known.Count)} agents, {owners.Sum(owner => owner.TurnsDone)} turns done, "
            + $"{owners.Sum(owner => owner.TurnsInterrupted)} interrupted, {owners.Sum(owner => owner.Crashed.Count)} crashes");

        async Task LiveAsync(int most)
        {
            using var life = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
            life.CancelAfter(LongestLife);
            try
            {
                for (var step = 0; step < most; step++)
                {
                    var next = steps.Reader.ReadAsync(life.Token).AsTask();
                    if (await Task.WhenAny(next, working) == working)
                    {
                        await working; // one of them has failed
                    }

                    await next;
                }
            }
            catch (OperationCanceledException) when (!Cancelled.IsCancellationRequested)
            {
                // It is old enough to be killed.
            }
        }
    }

    // Those that should live do, with all that they said; those that crashed are told of; and nobody else is there.
    private static async Task AccountAsync(RunningKernel kernel, List<ChaosOwner> owners)
    {
        var agents = (await kernel.Client.Spawner.ListAsync(cancellationToken: Cancelled)).ToDictionary(agent => agent.Id);
        var living = owners.Select(owner => owner.Agent?.Id).OfType<string>().ToHashSet(StringComparer.Ordinal);
        Assert.Equal(living.Order(StringComparer.Ordinal), agents.Values.Where(agent => agent.Live).Select(agent => agent.Id).Order(StringComparer.Ordinal));
        Assert.Equal(living.Count, (await kernel.Client.Spawner.GetTeamAsync(ChaosOwner.Team, Cancelled)).Used.Agents);
        Assert.All(Traces.Processes(kernel.Home), process => Assert.Contains(living, id => process.Contains(id, StringComparison.Ordinal)));
        foreach (var owner in owners)
        {
            Assert.All(owner.Crashed, id => Assert.Equal((AgentState.Failed, 9), (agents[id].State, agents[id].Exit.Signal)));
            if (owner.Agent is { } agent)
            {
                Assert.Equal("still there", await kernel.Client.AskAsync(agent, "still there", Cancelled));
                await owner.CheckHistoryAsync(kernel.Client);
            }
        }
    }
}
