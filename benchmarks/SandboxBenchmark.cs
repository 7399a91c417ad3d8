using System.Diagnostics;
using System.Text.Json.Nodes;

namespace AgentKernel.Benchmarks;

/// <summary>SpawnAgent, cold, in a sandbox and without one, in turns; beside bubblewrap that makes a sandbox for /bin/true.</summary>
internal static class SandboxBenchmark
{
    private const int Rounds = 45;
    private const int WarmUp = 5;

    public static async Task<JsonObject> RunAsync()
    {
        await using var local = await KernelProcess.StartAsync("local");
        await using var sandboxed = await KernelProcess.StartAsync("bwrap");
        var (locals, sandboxes, alone) = (new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            locals.Add(await SpawnAsync(local));
            sandboxes.Add(await SpawnAsync(sandboxed));
            alone.Add(await BubblewrapAsync());
        }

        var (without, within) = (new Sample(locals.Skip(WarmUp)), new Sample(sandboxes.Skip(WarmUp)));
        return new()
        {
            ["spawn_bwrap_cold"] = within.ToJson(),
            ["spawn_local_cold"] = without.ToJson(),
            ["bwrap_bin_true"] = new Sample(alone.Skip(WarmUp)).ToJson(),
            ["sandbox_adds_ms"] = Sample.Rounded(within.Median - without.Median),
            ["bound"] = "the sandbox adds at most 25 ms at the median",
        };
    }

    private static async Task<double> SpawnAsync(KernelProcess kernel)
    {
        var clock = Stopwatch.GetTimestamp();
        var agent = await kernel.SpawnScriptedAsync("bench");
        var elapsed = Stopwatch.GetElapsedTime(clock).TotalMilliseconds;
        await kernel.Client.Spawner.KillAsync(agent);
        return elapsed;
    }

    private static async Task<double> BubblewrapAsync()
    {
        var clock = Stopwatch.GetTimestamp();
        using var process = Process.Start(new ProcessStartInfo("bwrap", ["--unshare-all", "--new-session", "--cap-drop", "ALL", "--ro-bind", "/usr", "/usr",
            "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "/bin/true"]) { UseShellExecute = false })!;
        await process.WaitForExitAsync();
        var elapsed = Stopwatch.GetElapsedTime(clock).TotalMilliseconds;
        return process.ExitCode == 0 ? elapsed : throw new InvalidOperationException("bwrap makes no sandbox on this machine");
    }
}
