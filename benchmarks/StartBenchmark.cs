using System.Diagnostics;
using System.Text.Json.Nodes;

namespace AgentKernel.Benchmarks;

/// <summary>From exec to ready: the reference agent beside a .NET program that prints one word and ends.</summary>
internal static class StartBenchmark
{
    private const int Rounds = 40;

    public static async Task<JsonObject> RunAsync()
    {
        var (runtime, hello) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            runtime.Add(await RuntimeProcess.TimeToReadyAsync());
            hello.Add(await HelloAsync());
        }

        var (ready, yardstick) = (new Sample(runtime.Skip(2)), new Sample(hello.Skip(2)));
        return new()
        {
            ["runtime_exec_to_ready"] = ready.ToJson(),
            ["hello_world_exec_to_exit"] = yardstick.ToJson(),
            ["ratio"] = Sample.Rounded(ready.Median / yardstick.Median),
            ["bound"] = "median at most 60 ms, or 4 times hello world",
        };
    }

    private static async Task<double> HelloAsync()
    {
        var clock = Stopwatch.GetTimestamp();
        using var process = Process.Start(new ProcessStartInfo(Repository.Hello) { UseShellExecute = false, RedirectStandardOutput = true })!;
        await process.StandardOutput.ReadLineAsync();
        var elapsed = Stopwatch.GetElapsedTime(clock).TotalMilliseconds;
        await process.WaitForExitAsync();
        return elapsed;
    }
}
