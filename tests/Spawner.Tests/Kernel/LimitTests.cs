using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Limits;
using AgentKernel.Spawner.Tests.Backends;

namespace AgentKernel.Spawner.Tests.Kernel;

/// <summary>Agents that take more than they were given, as real processes, in sandboxes and out of them.</summary>
public sealed class LimitTests : IDisposable
{
    private const int MiB = 1024 * 1024;

    // Each waits in its workspace until it is let go.
    private const string Wait = "mkfifo go; chmod 666 go; exec 3<>go; ready; read x <&3; ";
    private const string TakesMemory = """perl -e '$x = "x" x (200 << 20); print "took it\n"'""";

    private static readonly AgentType[] Types =
    [
        ShellAgent.Type(Wait + "echo well; exit 3", "neighbour"),
        ShellAgent.Type(Wait + $"exec {TakesMemory}", "glutton"),
        ShellAgent.Type(Wait + $"{TakesMemory}; echo \"it ended with $?\"; read x <&3; exit 4", "feeder"),
        ShellAgent.Type(Wait + "i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i + 1)); done; echo had them all; exit 5", "forker"),
    ];

    private readonly TemporaryHome _home = new();

    public void Dispose() => _home.Dispose();

    [Theory]
    [InlineData("local")]
    [InlineData("bwrap")]
    public async Task Agent_ThatTakesTooMuchMemory_IsKilledAtItsLimitAlone(string backend)
    {
        await using var kernel = await StartAsync(backend);
        await using var news = await kernel.WatchAsync();
        var neighbour = (await SpawnAsync(kernel, backend, "neighbour", new() { MemoryBytes = 64 * MiB })).Id;
        var glutton = (await SpawnAsync(kernel, backend, "glutton", new() { MemoryBytes = 64 * MiB })).Id;
        Release(glutton);
        var end = await news.UntilAsync(AgentState.Failed, glutton);
        Assert.Equal((9, "its program was killed at its limit of 64 MiB of memory"), (end.Exit.Signal, end.Exit.Reason));
        Assert.DoesNotContain("took it", end.Exit.OutputTail, StringComparison.Ordinal);
        await EndsWellAsync(news, neighbour);
        await kernel.StopAsync();
        Assert.DoesNotContain(_home.Leftovers(glutton), left => left.Contains("cgroup", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Agent_WhoseChildTakesTooMuchMemory_GoesOnAndSaysSoAtItsEnd()
    {
        await using var kernel = await StartAsync("local");
        await using var news = await kernel.WatchAsync();
        var id = (await SpawnAsync(kernel, "local", "feeder", new() { MemoryBytes = 64 * MiB })).Id;
        Release(id);
        Release(id);
        var end = await news.UntilAsync(AgentState.Failed, id);
        Assert.Equal("its program exited with code 4 after a process of it had been killed at its limit of 64 MiB of memory", end.Exit.Reason);
        Assert.Contains("it ended with 137", end.Exit.OutputTail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Team_WhoseAgentsTakeTooMuchMemoryTogether_IsHeldToItsOwnLimit()
    {
        await using var kernel = await StartAsync("local");
        await using var news = await kernel.WatchAsync();
        await kernel.CallAsync(AgentSpawnerMethods.CreateTeam, new() { TeamId = "red", Resources = new() { MemoryBytes = 64 * MiB } });
        var glutton = (await SpawnAsync(kernel, "local", "glutton", resources: null, team: "red")).Id;
        Release(glutton);
        var end = await news.UntilAsync(AgentState.Failed, glutton);
        Assert.Equal("its program was killed at what its team or the machine had left of memory", end.Exit.Reason);
    }

    [Theory]
    [InlineData("local")]
    [InlineData("bwrap")]
    public async Task Agent_ThatForksWithoutEnd_IsStoppedAtItsLimitAlone(string backend)
    {
        await using var kernel = await StartAsync(backend);
        await using var news = await kernel.WatchAsync();
        var neighbour = (await SpawnAsync(kernel, backend, "neighbour", new() { Pids = 20 })).Id;
        var forker = (await SpawnAsync(kernel, backend, "forker", new() { Pids = 20 })).Id;
        Release(forker);
        var end = await news.UntilAsync(AgentState.Failed, forker);
        Assert.EndsWith("after it had reached its limit of 20 processes and threads", end.Exit.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("had them all", end.Exit.OutputTail, StringComparison.Ordinal);
        await EndsWellAsync(news, neighbour);
        Assert.DoesNotContain(_home.Leftovers(forker), left => left != _home.AgentFolder(forker));
    }

    [Fact]
    public async Task Agent_OfAnEarlierKernel_IsStillHeldAndItsEndExplained()
    {
        string id;
        await using (var first = await StartAsync("local"))
        {
            id = (await SpawnAsync(first, "local", "glutton", new() { MemoryBytes = 64 * MiB })).Id;
            first.Options.KeepAgents = true;
        }

        await using var second = await StartAsync("local");
        await using var news = await second.WatchAsync();
        Release(id);
        Assert.Equal("its program was killed at its limit of 64 MiB of memory", (await news.UntilAsync(AgentState.Failed, id)).Exit.Reason);
        Assert.DoesNotContain(_home.Leftovers(id), left => left != _home.AgentFolder(id));
    }

    [Fact]
    public async Task Agent_WithAnAmountTooSmallToStartIn_IsRefused()
    {
        await using var kernel = await StartAsync("local");
        await Refusal.IsAsync(RpcStatusCode.InvalidArgument, "resources.memory_bytes", () => SpawnAsync(kernel, "local", "neighbour", new() { MemoryBytes = 1 }));
        await Refusal.IsAsync(RpcStatusCode.InvalidArgument, "resources.pids", () => SpawnAsync(kernel, "local", "neighbour", new() { Pids = 0 }));
    }

    private static void RequireGroups()
    {
        var (held, detail) = ResourceLimiter.Probe();
        Assert.SkipUnless(held, detail);
    }

    private async Task EndsWellAsync(AgentNews news, string id)
    {
        Release(id);
        Assert.Equal("its program exited with code 3", (await news.UntilAsync(AgentState.Failed, id)).Exit.Reason);
    }

    private Task<TestKernel> StartAsync(string backend)
    {
        RequireGroups();
        if (backend == "bwrap")
        {
            _ = Machine.Program("bwrap");
        }

        return TestKernel.StartAsync(_home, backend: backend, types: Types);
    }

    private static async Task<Agent> SpawnAsync(TestKernel kernel, string backend, string type, Resources? resources, string team = "") =>
        (await kernel.SpawnAsync(type, team, request =>
        {
            request.Resources = resources;
            if (backend == "bwrap")
            {
                request.Env["SOCKET"] = "/run/agent/s"; // where the backend looks for it
            }
        })).Agent;

    private void Release(string id)
    {
        using var go = new FileStream(Path.Combine(_home.AgentFolder(id), "workspace", "go"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        go.Write("\n"u8);
    }
}
