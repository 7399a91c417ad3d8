// Measures what the project promises, each beside what it is measured against, in one run. Prints JSON.
//   dotnet run -c Release --project benchmarks -- [start] [spawn] [sandbox] [turn] [telemetry] [streams] [memory] [image] [bus-log] [bus-service]
using System.Text.Json;
using System.Text.Json.Nodes;
using AgentKernel.Benchmarks;

var benchmarks = new Dictionary<string, Func<Task<JsonObject>>>
{
    ["start"] = StartBenchmark.RunAsync,
    ["spawn"] = SpawnBenchmark.RunAsync,
    ["sandbox"] = SandboxBenchmark.RunAsync,
    ["turn"] = FirstEventBenchmark.RunAsync,
    ["telemetry"] = FirstEventBenchmark.RunWithTelemetryAsync,
    ["streams"] = PacedStreamsBenchmark.RunAsync,
    ["memory"] = MemoryBenchmark.RunAsync,
    ["bus-log"] = BusLogBenchmark.RunAsync,
    ["bus-service"] = BusServiceBenchmark.RunAsync,
    ["image"] = ImageBenchmark.RunAsync,
};
if (args.FirstOrDefault(name => !benchmarks.ContainsKey(name)) is { } unknown)
{
    await Console.Error.WriteLineAsync($"there is no benchmark '{unknown}'; there are {string.Join(", ", benchmarks.Keys)}");
    return 2;
}

var report = new JsonObject { ["machine"] = $"{Environment.ProcessorCount} processors, {System.Runtime.InteropServices.RuntimeInformation.OSDescription}, .NET {Environment.Version}" };
foreach (var name in args.Length > 0 ? args : [.. benchmarks.Keys])
{
    await Console.Error.WriteLineAsync($"{name} …");
    report[name] = await benchmarks[name]();
}

Console.WriteLine(report.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
return 0;
