using System.Globalization;
using AgentKernel.Rpc;
using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Processes;
using AgentKernel.Spawner.Tests.Backends;

namespace AgentKernel.Spawner.Tests.Kernel;

/// <summary>Counts what this process holds, so nothing else may run beside.</summary>
[CollectionDefinition(nameof(LeakTests), DisableParallelization = true)]
public sealed class Alone;

[Collection(nameof(LeakTests))]
public sealed class LeakTests : IDisposable
{
    private readonly TemporaryHome _home = new();

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task SpawnAndKill_TwoHundredTimesAndTwentyAtOnce_LeavesNothing()
    {
        await using var kernel = await TestKernel.StartAsync(
            _home,
            types:
            [
                ShellAgent.Type("ready; sleep 1000 & setsid sleep 1000 & wait"),
                ShellAgent.Type("echo no; exit 1", "exits"),
                new AgentType { Name = "refused", Command = ["/bin/sh", "-c", "exit"], Environment = new Dictionary<string, string> { ["BIG"] = new('x', 200_000) } },
            ]);
        var ids = new List<string>();
        await CyclesAsync(10); // what is made once, at first use
        var before = Holdings();
        await CyclesAsync(200);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => CycleAsync()));
        // The runtime ends threads of its own, names new ones and reaps in its own time, and tells nobody.
        SpinWait.SpinUntil(() => Holdings() == before, TimeSpan.FromSeconds(60));
        var after = Holdings();

        Assert.Equal(230, ids.Count);
        Assert.All(ids, id => Assert.Empty(_home.Leftovers(id)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_home.Directory.Combine("agents")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_home.SocketFolder));
        Assert.Equal(before, after);

        async Task CyclesAsync(int count)
        {
            for (var cycle = 0; cycle < count; cycle++)
            {
                await CycleAsync();
                if (cycle % 10 == 0)
                {
                    await Assert.ThrowsAsync<RpcException>(() => kernel.SpawnAsync("exits"));
                    await Assert.ThrowsAsync<RpcException>(() => kernel.SpawnAsync("refused"));
                }
            }
        }

        async Task CycleAsync()
        {
            var id = (await kernel.SpawnAsync("shell")).Agent.Id;
            lock (ids)
            {
                ids.Add(id);
            }

            await kernel.KillAsync(id);
        }
    }

    // Descriptors but for the runtime's files, children (zombies included), and the threads that are not the runtime's.
    private static (int Descriptors, int Children, int Threads) Holdings() => (
        Directory.GetFiles("/proc/self/fd").Count(descriptor => Target(descriptor) is { } target && !target.EndsWith(".dll", StringComparison.Ordinal)),
        Directory.EnumerateDirectories("/proc").Count(IsChild),
        Directory.EnumerateDirectories("/proc/self/task").Count(IsOwnThread));

    private static bool IsOwnThread(string task)
    {
        try
        {
            return !File.ReadAllText(Path.Combine(task, "comm")).StartsWith(".NET ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false; // it has just ended
        }
    }

    private static string? Target(string descriptor)
    {
        try
        {
            return File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.Name;
        }
        catch (IOException)
        {
            return null; // the one that the folder was read with
        }
    }

    private static bool IsChild(string folder)
    {
        try
        {
            return int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out _)
                && File.ReadLines(Path.Combine(folder, "status")).Any(line => line == $"PPid:\t{Environment.ProcessId}");
        }
        catch (IOException)
        {
            return false;
        }
    }
}
