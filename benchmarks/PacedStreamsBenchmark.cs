using System.Diagnostics;
using System.Text.Json.Nodes;
using AgentKernel.Client;

namespace AgentKernel.Benchmarks;

/// <summary>64 agents that each send 100 events a second: what is lost or late, and what an event costs the one between.</summary>
internal static class PacedStreamsBenchmark
{
    private const int Streams = 64;
    private const int Events = 500; // 5 s at 100 a second
    private const int PaceMilliseconds = 10;
    private const int Rounds = 3; // the one with the median count of late events is told

    private static readonly (int Events, int Pace) Paced = (Events, PaceMilliseconds);
    private static readonly (int Events, int Pace) Unpaced = (20_000, 0);

    public static async Task<JsonObject> RunAsync()
    {
        await using var kernel = await KernelProcess.StartAsync();
        var agents = new List<OwnedAgent>();
        while (agents.Count < Streams)
        {
            agents.AddRange(await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => kernel.SpawnLoadAsync())));
        }

        await using var nginx = await NginxProcess.StartAsync(kernel, agents);

        // To warm up, each way twice: the runtimes of the agents, of the kernel and of this program compile in the meantime
        // what is busy for good.
        for (var lap = 0; lap < 2; lap++)
        {
            await RoundAsync();
        }

        // In turn, so that a neighbour's burst of work is in one round and not in one way's figures alone.
        var rounds = new List<Round>();
        while (rounds.Count < Rounds)
        {
            rounds.Add(await RoundAsync());
        }

        var (direct, gateway, proxy) = rounds.OrderBy(round => round.LateAtGateway).ElementAt(Rounds / 2);

        var few = agents.Take(8).ToList();
        await MeasureAsync(few, agent => TurnRoute.Gateway(kernel, agent), kernel.ProcessId, Unpaced);
        var unpacedDirect = await MeasureAsync(few, agent => TurnRoute.Direct(kernel, agent), null, Unpaced);
        var unpacedGateway = await MeasureAsync(few, agent => TurnRoute.Gateway(kernel, agent), kernel.ProcessId, Unpaced);

        var late = 2 * direct.Gaps.P99;
        return new()
        {
            ["streams"] = Streams,
            ["events_a_second_each"] = 1000 / PaceMilliseconds,
            ["direct"] = direct.ToJson(late),
            ["gateway"] = gateway.ToJson(late),
            ["nginx"] = proxy.ToJson(late),
            ["late_events_at_the_gateway_by_round"] = new JsonArray([.. rounds.Select(round => (JsonNode)round.LateAtGateway)]),
            ["late_is_a_gap_over_ms"] = Sample.Rounded(late),
            ["cpu_per_event_gateway_to_nginx"] = Sample.Rounded(gateway.CpuMicrosecondsPerEvent / proxy.CpuMicrosecondsPerEvent),
            ["bound"] = "none lost; none late by more than twice the direct p99 gap; at most 2.5 times nginx's CPU an event",
            ["unpaced_events_a_second"] = new JsonObject { ["direct"] = Math.Round(unpacedDirect.Rate), ["gateway"] = Math.Round(unpacedGateway.Rate) },
        };

        async Task<Round> RoundAsync() => new(
            await MeasureAsync(agents, agent => TurnRoute.Direct(kernel, agent), null),
            await MeasureAsync(agents, agent => TurnRoute.Gateway(kernel, agent), kernel.ProcessId),
            await MeasureAsync(agents, agent => TurnRoute.Nginx(nginx, kernel, agent), nginx.WorkerProcessId));
    }

    private static async Task<Outcome> MeasureAsync(List<OwnedAgent> agents, Func<OwnedAgent, TurnRoute> routeTo, int? processId, (int Events, int Pace)? load = null)
    {
        var (events, pace) = load ?? Paced;
        var routes = agents.ConvertAll(agent => routeTo(agent));
        var arrivals = routes.ConvertAll(_ => new List<long>(events + 8));
        var cpu = processId is { } before ? ProcessFigures.CpuTime(before) : default;
        var clock = Stopwatch.GetTimestamp();
        var counts = await Task.WhenAll(routes.Select((route, index) => route.TakeAsync($"{events} {pace}", () => arrivals[index].Add(Stopwatch.GetTimestamp()))));
        var elapsed = Stopwatch.GetElapsedTime(clock);
        var used = processId is { } after ? ProcessFigures.CpuTime(after) - cpu : default;
        routes.ForEach(route => route.Dispose());

        // The first gap waits for the first word; the last event is the end.
        var gaps = arrivals.SelectMany(times => times.Zip(times.Skip(1), (from, to) => Stopwatch.GetElapsedTime(from, to).TotalMilliseconds));
        return new(new Sample(gaps), counts.Sum(), counts.Count(count => count != events + 1), elapsed, used);
    }

    private sealed record Round(Outcome Direct, Outcome Gateway, Outcome Nginx)
    {
        public int LateAtGateway => Gateway.Gaps.CountOver(2 * Direct.Gaps.P99);
    }

    private sealed record Outcome(Sample Gaps, int Received, int ShortStreams, TimeSpan Elapsed, TimeSpan Cpu)
    {
        public double CpuMicrosecondsPerEvent => Cpu.TotalMicroseconds / Received;

        public double Rate => Received / Elapsed.TotalSeconds;

        public JsonObject ToJson(double late) => new()
        {
            ["events"] = Received,
            ["streams_that_lost_events"] = ShortStreams,
            ["gap"] = Gaps.ToJson(),
            ["late_events"] = Gaps.CountOver(late),
            ["cpu_per_event_us"] = Sample.Rounded(CpuMicrosecondsPerEvent),
        };
    }
}
