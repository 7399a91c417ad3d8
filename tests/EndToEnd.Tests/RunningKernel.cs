using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using AgentKernel.Client;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>A kernel as a user has it: <c>agentkernel up</c> as a process of its own, on a data directory of its own.</summary>
public sealed class RunningKernel : ITestKernel
{
    private readonly Process _process;
    private readonly StringBuilder _log = new();
    private readonly bool _ownsHome;

    private RunningKernel(Process process, JsonNode ready, bool ownsHome)
    {
        (_process, _ownsHome) = (process, ownsHome);
        process.ErrorDataReceived += (_, line) =>
        {
            lock (_log)
            {
                _log.AppendLine(line.Data);
            }
        };
        process.BeginErrorReadLine();
        Http = new Uri((string)ready["http"]!);
        Grpc = new Uri((string)ready["grpc"]!);
        Home = (string)ready["home"]!;
        Token = (string)ready["token"]!;
        Client = new AgentKernelClient(Grpc, Token);
    }

    public Uri Http { get; }

    public Uri Grpc { get; }

    public Uri SpawnerHttp => Http;

    public Uri SpawnerGrpc => Grpc;

    public IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string>();

    public string Home { get; }

    public string Token { get; }

    public AgentKernelClient Client { get; }

    public int ProcessId => _process.Id;

    /// <summary>All that the kernel has logged.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    public static async Task<RunningKernel> StartAsync(string? home = null, IReadOnlyDictionary<string, string>? environment = null, params string[] arguments)
    {
        var start = new ProcessStartInfo(Repository.Cli) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["up", "--json", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--home", home ?? NewHome(), .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        CleanEnvironment.Apply(start, new Dictionary<string, string>(environment ?? new Dictionary<string, string>()) { ["AGENTKERNEL_LOG_LEVEL"] = "Debug" });
        var process = Process.Start(start)!;
        if (await process.StandardOutput.ReadLineAsync() is not { } line)
        {
            throw new InvalidOperationException($"the kernel did not start: {await process.StandardError.ReadToEndAsync()}");
        }

        return new(process, JsonNode.Parse(line)!, ownsHome: home is null);
    }

    public static string NewHome() => Directory.CreateTempSubdirectory("agentkernel-test-").FullName;

    /// <summary>Sends a signal and waits for the kernel's end; returns its exit code.</summary>
    public async Task<int> EndAsync(string signal = "TERM")
    {
        (await ProgramRun.RunAsync("/bin/kill", [$"-{signal}", $"{_process.Id}"])).Succeeded();
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (!_process.HasExited)
        {
            await EndAsync();
        }

        _process.Dispose();
        if (_ownsHome)
        {
            AgentKernel.ServiceDefaults.DataDirectory.DeleteFolder(Home);
        }
    }
}
