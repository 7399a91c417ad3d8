using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace AgentKernel.Benchmarks;

/// <summary>The reference agent started by hand, without a kernel.</summary>
internal static class RuntimeProcess
{
    /// <summary>Milliseconds from its start to READY=1.</summary>
    public static async Task<double> TimeToReadyAsync()
    {
        var folder = Directory.CreateTempSubdirectory("agentkernel-bench-").FullName;
        try
        {
            var config = Path.Combine(folder, "config.json");
            await File.WriteAllTextAsync(config, new JsonObject
            {
                ["agent_id"] = "bench", ["nonce"] = "bench-token", ["name"] = "bench", ["agent_type"] = "openclaw",
                ["provider"] = "scripted", ["unix_socket"] = Path.Combine(folder, "agent.sock"),
            }.ToJsonString());
            using var notify = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            notify.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder, "notify")));

            var start = new ProcessStartInfo(Repository.AgentRuntime) { UseShellExecute = false, WorkingDirectory = folder, RedirectStandardError = true };
            start.ArgumentList.Add("--config");
            start.ArgumentList.Add(config);
            start.Environment["NOTIFY_SOCKET"] = Path.Combine(folder, "notify");
            var clock = Stopwatch.GetTimestamp();
            using var process = Process.Start(start)!;
            await notify.ReceiveAsync(new byte[256]);
            var elapsed = Stopwatch.GetElapsedTime(clock).TotalMilliseconds;
            process.Kill();
            await process.WaitForExitAsync();
            return elapsed;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
