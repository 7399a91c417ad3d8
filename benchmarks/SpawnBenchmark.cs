using System.Diagnostics;
using System.Text.Json.Nodes;

namespace AgentKernel.Benchmarks;

/// <summary>From the call to the answer of SpawnAgent, local and cold, beside the same program started by hand.</summary>
internal static class SpawnBenchmark
{
    private const int Rounds = 40;

    public static async Task<JsonObject> RunAsync()
    {
        await using var kernel = await KernelProcess.StartAsync();
        var (spawns, kills, byHand) = (new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            byHand.Add(await RuntimeProcess.TimeToReadyAsync());
            var clock = Stopwatch.GetTimestamp();
            var agent = await kernel.SpawnScriptedAsync("bench");
            spawns.Add(Stopwatch.GetElapsedTime(clock).TotalMilliseconds);
            clock = Stopwatch.GetTimestamp();
            await kernel.Client.Spawner.KillAsync(agent);
            kills.Add(Stopwatch.GetElapsedTime(clock).TotalMilliseconds);
        }

        var (spawn, hand) = (new Sample(spawns.Skip(5)), new Sample(byHand.Skip(5)));
        return new()
        {
            ["spawn_local_cold"] = spawn.ToJson(),
            ["runtime_exec_to_ready"] = hand.ToJson(),
            ["kernel_adds_ms"] = Sample.Rounded(spawn.Median - hand.Median),
            ["bound"] = "the kernel adds at most 20 ms at the median",
            ["kill"] = new Sample(kills.Skip(5)).ToJson(),
        };
    }
}
