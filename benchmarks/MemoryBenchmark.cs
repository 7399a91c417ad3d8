using System.Globalization;
using System.Text.Json.Nodes;
using AgentKernel.Client;

namespace AgentKernel.Benchmarks;

/// <summary>Private memory of an idle agent, and of the kernel with 0, 20 and 100 of them.</summary>
internal static class MemoryBenchmark
{
    public static async Task<JsonObject> RunAsync()
    {
        await using var kernel = await KernelProcess.StartAsync();
        var report = new JsonObject { ["kernel_0_agents_mib"] = Mebibytes(ProcessFigures.PrivateBytes(kernel.ProcessId)) };
        var agents = new List<OwnedAgent>();
        foreach (var count in new[] { 20, 100 })
        {
            while (agents.Count < count)
            {
                agents.AddRange(await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => kernel.SpawnScriptedAsync("idle"))));
            }

            report[$"kernel_{count}_agents_mib"] = Mebibytes(ProcessFigures.PrivateBytes(kernel.ProcessId));
        }

        var each = agents.Select(agent => (double)ProcessFigures.PrivateBytes(int.Parse(agent.Agent.BackendStatus["pid"], CultureInfo.InvariantCulture)));
        report["agent_idle_median_mib"] = Mebibytes(new Sample(each).Median);
        return report;
    }

    private static double Mebibytes(double bytes) => Math.Round(bytes / (1024 * 1024), 1);
}
