using System.Globalization;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>Nothing runs beside these: they take all of the machine, or count what is left on it.</summary>
[CollectionDefinition(nameof(LeakTests), DisableParallelization = true)]
public sealed class Alone;

/// <summary>After agents have come and gone, nothing of them is left.</summary>
[Collection(nameof(LeakTests))]
public sealed class LeakTests(ITestOutputHelper output)
{
    private const int AtOnce = 20;
    private const int MemoryAllowance = 48; // MiB: what the runtime's heap may grow by before it collects, and the records of the ended
    private static readonly int Cycles = Proof.InFull ? 1000 : 200;

    // Ready at once, so that many can come and go.
    private const string Quick = """
        agent_types:
          quick:
            command: [perl, -MSocket, -e, 'socket(S, AF_UNIX, SOCK_DGRAM, 0); send(S, "READY=1", 0, sockaddr_un($ENV{NOTIFY_SOCKET})); sleep 1000', --]
            listen: unix_socket
            ready: notify
        """;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Agents_ManyAtOnceAndManyInARow_LeaveNothing()
    {
        var home = RunningKernel.NewHome();
        var config = Path.Combine(home, "agentkernel.yaml");
        await File.WriteAllTextAsync(config, Quick, Cancelled);
        await RunAsync(home, config);
        Directory.Delete(home, recursive: true);
    }

    private async Task RunAsync(string home, string config)
    {
        await using var kernel = await RunningKernel.StartAsync(home, null, "--config", config);
        await kernel.Client.Spawner.CreateTeamAsync("probe", new() { Agents = AtOnce, MemoryBytes = 1L << 30 }, Cancelled);
        await TalkAsync(kernel);
        for (var warming = 0; warming < 5; warming++)
        {
            await CycleAsync(kernel, AtOnce); // what the kernel makes once and keeps
        }

        var before = Holdings(kernel);
        await TalkAsync(kernel);
        for (var cycle = 0; cycle < Cycles; cycle += 4)
        {
            await CycleAsync(kernel, 4);
        }

        var after = Holdings(kernel);
        output.WriteLine($"before {Cycles} cycles: {before}; after: {after}");
        Assert.Empty(Traces.Folders(kernel.Home));
        Assert.Empty(Traces.Sockets(kernel.Home));
        Assert.Empty(Traces.Processes(kernel.Home));
        Assert.InRange(after.Descriptors, 0, before.Descriptors + 8); // connections of the client and the runtime's own come and go
        Assert.InRange(after.Threads, 0, before.Threads + 8); // as do the threads of its pool
        Assert.InRange(after.Memory, 0, before.Memory + MemoryAllowance);
        Assert.Equal(0, (await kernel.Client.Spawner.GetTeamAsync("probe", Cancelled)).Used.Agents);
    }

    // The reference agent, many at once, each with a turn.
    private static Task TalkAsync(RunningKernel kernel) => Task.WhenAll(Enumerable.Range(0, AtOnce).Select(async number =>
    {
        var agent = await kernel.SpawnAsync($"talker-{number}", change: request => request.TeamId = "probe");
        Assert.Equal("hello", await kernel.Client.AskAsync(agent, "hello", Cancelled));
        await kernel.Client.Spawner.KillAsync(agent, Cancelled);
    }));

    private static Task CycleAsync(RunningKernel kernel, int count) => Task.WhenAll(Enumerable.Range(0, count).Select(async number =>
    {
        var agent = await kernel.Client.Spawner.SpawnAsync(new() { Name = $"cycle-{number}", AgentType = "quick", TeamId = "probe" }, Cancelled);
        await kernel.Client.Spawner.KillAsync(agent, Cancelled);
        Assert.Empty(Traces.ControlGroups([agent.Id]));
    }));

    private static (int Descriptors, int Threads, long Memory) Holdings(RunningKernel kernel)
    {
        var process = $"/proc/{kernel.ProcessId}";
        var resident = File.ReadLines($"{process}/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal)); // of its own, in KiB
        return (
            Directory.EnumerateFileSystemEntries($"{process}/fd").Count(),
            Directory.EnumerateDirectories($"{process}/task").Count(),
            long.Parse(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024);
    }
}
