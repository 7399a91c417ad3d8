using System.Diagnostics;
using System.Text;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>One service as a program of its own, on free ports, once it says that it is healthy.</summary>
internal sealed class ServiceProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _log = new();
    private readonly TaskCompletionSource _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<Uri> _addresses = [];

    private ServiceProcess(Process process, string name)
    {
        (_process, Name) = (process, name);
        process.OutputDataReceived += (_, line) => Note(line.Data);
        process.ErrorDataReceived += (_, line) => Note(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Name { get; }

    public int ProcessId => _process.Id;

    // Kestrel opens its endpoints in the order of their names.
    public Uri Grpc => _addresses[0];

    public Uri Http => _addresses[1];

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

    /// <summary>Starts it and returns when it listens.</summary>
    public static async Task<ServiceProcess> StartAsync(string project, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(Repository.Program(project, $"AgentKernel.{project}")) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        CleanEnvironment.Apply(start, new Dictionary<string, string>
        {
            ["HTTP_PORT"] = "0",
            ["GRPC_PORT"] = "0",
            // Kestrel tells its addresses at this level.
            ["Logging__LogLevel__Microsoft.Hosting.Lifetime"] = "Information",
            ["Logging__LogLevel__AgentKernel"] = "Debug",
        }.Concat(environment).GroupBy(pair => pair.Key).ToDictionary(group => group.Key, group => group.Last().Value));
        var service = new ServiceProcess(Process.Start(start)!, project);
        try
        {
            await Task.WhenAny(service._listening.Task, service._process.WaitForExitAsync(TestContext.Current.CancellationToken)).WaitAsync(StartLimit, TestContext.Current.CancellationToken);
            Assert.True(service._listening.Task.IsCompleted, $"{project} did not start:\n{service.Log}");
            return service;
        }
        catch
        {
            await service.DisposeAsync();
            throw;
        }
    }

    /// <summary>Sends a signal and waits for its end; returns its exit code.</summary>
    public async Task<int> EndAsync(string signal = "TERM")
    {
        (await ProgramRun.RunAsync("/bin/kill", [$"-{signal}", $"{_process.Id}"])).Succeeded();
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await EndAsync();
        }

        _process.Dispose();
    }

    private void Note(string? line)
    {
        const string listening = "Now listening on: ";
        lock (_log)
        {
            _log.AppendLine(line);
            if (line?.IndexOf(listening, StringComparison.Ordinal) is { } at and >= 0)
            {
                _addresses.Add(new Uri(line[(at + listening.Length)..].Trim()));
                if (_addresses.Count == 2)
                {
                    _listening.TrySetResult();
                }
            }
        }
    }
}
