using System.Diagnostics;
using System.Text;

namespace AgentKernel.AgentBus.Tests.Service;

/// <summary>The bus service as a program of its own, on free ports.</summary>
internal sealed class BusProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _log = new();
    private readonly TaskCompletionSource<Uri> _grpc = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private BusProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Note(line.Data);
        process.ErrorDataReceived += (_, line) => Note(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Where it speaks gRPC.</summary>
    public Uri Grpc { get; private set; } = null!; // StartAsync sets it

    public static async Task<BusProcess> StartAsync(string home)
    {
        // …/artifacts/bin/AgentBus.Tests/<configuration>/
        var configuration = new DirectoryInfo(AppContext.BaseDirectory);
        var program = Path.Combine(configuration.Parent!.Parent!.FullName, "AgentBus", configuration.Name, "AgentKernel.AgentBus");
        var start = new ProcessStartInfo(program) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["HTTP_PORT"] = "0";
        start.Environment["GRPC_PORT"] = "0";
        start.Environment["AGENTKERNEL_HOME"] = home;
        start.Environment["AGENTKERNEL_TOKEN"] = BusServer.OperatorToken;
        start.Environment["AGENTKERNEL_SERVICE_TOKEN"] = BusServer.ServiceToken;
        start.Environment["AgentBus__SegmentBytes"] = "4096";
        // Kestrel tells its addresses at this level.
        start.Environment["Logging__LogLevel__Microsoft.Hosting.Lifetime"] = "Information";
        start.Environment.Remove("AGENTKERNEL_LOG_LEVEL");
        var bus = new BusProcess(Process.Start(start)!); // null only for shell execution
        try
        {
            bus.Grpc = await bus._grpc.Task.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
            return bus;
        }
        catch (TimeoutException exception)
        {
            await bus.DisposeAsync();
            throw new TimeoutException($"the bus service does not listen:\n{bus._log}", exception);
        }
    }

    /// <summary>Ends it with SIGKILL, in the middle of whatever it does.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(Patience.Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    private void Note(string? line)
    {
        const string listening = "Now listening on: ";
        lock (_log)
        {
            _log.AppendLine(line);
        }

        // Kestrel opens its endpoints in the order of their names: grpc, then http.
        if (line?.IndexOf(listening, StringComparison.Ordinal) is { } at and >= 0)
        {
            _grpc.TrySetResult(new Uri(line[(at + listening.Length)..].Trim()));
        }
    }
}
