using System.Diagnostics;
using System.Text.Json.Nodes;

namespace AgentKernel.Benchmarks;

/// <summary>Time to the first event of a turn: at the agent's socket, through the gateway, and through nginx, in turn.</summary>
internal static class FirstEventBenchmark
{
    private const int Runs = 5;
    private const int TurnsPerRun = 800;

    // Until the runtime has compiled what is busy for good; before that, its compiler takes turns on the same two cores.
    private const int WarmUpTurns = 8000;

    public static Task<JsonObject> RunAsync() => RunAsync(environment: null);

    /// <summary>The same while gateway and agent export a trace of every turn.</summary>
    public static async Task<JsonObject> RunWithTelemetryAsync()
    {
        using var sink = new TelemetrySink();
        var result = await RunAsync(sink.Variables);
        result["exports"] = sink.Exports;
        return result;
    }

    private static async Task<JsonObject> RunAsync(IReadOnlyDictionary<string, string>? environment)
    {
        await using var kernel = await KernelProcess.StartAsync(environment: environment);
        var agent = await kernel.SpawnScriptedAsync("bench");
        await using var nginx = await NginxProcess.StartAsync(kernel, [agent]);
        using var direct = TurnRoute.Direct(kernel, agent);
        using var gateway = TurnRoute.Gateway(kernel, agent);
        using var proxy = TurnRoute.Nginx(nginx, kernel, agent);
        var runs = new List<(Sample Direct, Sample Gateway, Sample Nginx)>();
        for (var run = 0; run <= Runs; run++) // the first to warm up
        {
            var (atAgent, atGateway, atNginx) = (new List<double>(), new List<double>(), new List<double>());
            for (var turn = 0; turn < (run == 0 ? WarmUpTurns : TurnsPerRun); turn++)
            {
                atAgent.Add(await MeasureAsync(direct));
                atGateway.Add(await MeasureAsync(gateway));
                atNginx.Add(await MeasureAsync(proxy));
            }

            runs.Add((new(atAgent), new(atGateway), new(atNginx)));
            // The history grows with each turn; it is not what is measured.
            await kernel.Client.Agents.ControlAsync(agent, Google.Protobuf.JsonParser.Default.Parse<Google.Protobuf.WellKnownTypes.Struct>("""{"operation":"clear_history"}"""));
        }

        runs.RemoveAt(0);
        var middle = runs.OrderBy(run => run.Gateway.Median - run.Direct.Median).ElementAt(Runs / 2);
        return new()
        {
            ["direct"] = middle.Direct.ToJson(),
            ["gateway"] = middle.Gateway.ToJson(),
            ["nginx"] = middle.Nginx.ToJson(),
            ["gateway_adds_median_ms"] = Sample.Rounded(middle.Gateway.Median - middle.Direct.Median),
            ["nginx_adds_median_ms"] = Sample.Rounded(middle.Nginx.Median - middle.Direct.Median),
            ["gateway_adds_p99_ms_best_of_5"] = Sample.Rounded(runs.Min(run => run.Gateway.P99 - run.Direct.P99)),
            ["bound"] = "adds at most 0.3 ms at the median, 2 ms at p99 in the best of five; within 0.2 ms of nginx",
        };
    }

    private static async Task<double> MeasureAsync(TurnRoute route)
    {
        var clock = Stopwatch.GetTimestamp();
        double first = 0;
        await route.TakeAsync("hi", () => first = first == 0 ? Stopwatch.GetElapsedTime(clock).TotalMilliseconds : first);
        return first;
    }
}
