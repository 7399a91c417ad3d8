using System.Diagnostics;
using System.Text.Json.Nodes;
using AgentKernel.Client;
using AgentKernel.Contracts.OpenClaw.V1;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Benchmarks;

/// <summary>A turn with one tool call: without a bus, and on the kernel's bus (on the disk) with one rule voter, in turn.</summary>
internal static class BusToolCallBenchmark
{
    private const int Runs = 5;
    private const int TurnsPerRun = 100;
    private const int WarmUpTurns = 400;

    public static async Task<JsonObject> RunAsync()
    {
        await using var kernel = await KernelProcess.StartAsync();
        var free = await SpawnAsync(kernel, "free", bus: false);
        var watched = await SpawnAsync(kernel, "watched", bus: true);
        using var freely = TurnRoute.Direct(kernel, free);
        using var watchedly = TurnRoute.Direct(kernel, watched);
        var runs = new List<(Sample Free, Sample Watched)>();
        for (var run = 0; run <= Runs; run++) // the first to warm up
        {
            var (without, with) = (new List<double>(), new List<double>());
            for (var turn = 0; turn < (run == 0 ? WarmUpTurns : TurnsPerRun); turn++)
            {
                without.Add(await MeasureAsync(freely));
                with.Add(await MeasureAsync(watchedly));
            }

            runs.Add((new(without), new(with)));
            foreach (var agent in new[] { free, watched })
            {
                await kernel.Client.Agents.ControlAsync(agent, Google.Protobuf.JsonParser.Default.Parse<Struct>("""{"operation":"clear_history"}"""));
            }
        }

        runs.RemoveAt(0);
        var middle = runs.OrderBy(run => run.Watched.Median - run.Free.Median).ElementAt(Runs / 2);
        return new()
        {
            ["without_bus"] = middle.Free.ToJson(),
            ["with_one_rule_voter"] = middle.Watched.ToJson(),
            ["bus_adds_median_ms"] = Sample.Rounded(middle.Watched.Median - middle.Free.Median),
            ["bound"] = "adds at most 5 ms to a tool call at the median",
        };
    }

    private static Task<OwnedAgent> SpawnAsync(KernelProcess kernel, string name, bool bus) => kernel.Client.Spawner.SpawnAsync(new Contracts.V1.SpawnAgentRequest
    {
        Name = name,
        SpawnInfo = Any.Pack(new OpenClawSpawnInfo { Provider = "scripted" }),
        Agentbus = bus ? new() : null,
    });

    private static async Task<double> MeasureAsync(TurnRoute route)
    {
        var clock = Stopwatch.GetTimestamp();
        await route.TakeAsync("run: true", static () => { });
        return Stopwatch.GetElapsedTime(clock).TotalMilliseconds;
    }
}
