using System.Diagnostics;
using System.Text;

namespace AgentKernel.Benchmarks;

/// <summary>A program that is measured, from when it has printed that it serves until it is ended.</summary>
internal sealed class BenchedProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly TaskCompletionSource<string> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly StringBuilder _output = new();

    private BenchedProcess(Process process, string sign)
    {
        _process = process;
        DataReceivedEventHandler note = (_, line) =>
        {
            lock (_output)
            {
                _output.AppendLine(line.Data);
            }

            if (line.Data?.Contains(sign, StringComparison.Ordinal) == true)
            {
                _ready.TrySetResult(line.Data);
            }
        };
        process.OutputDataReceived += note;
        process.ErrorDataReceived += note;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>The line that said so.</summary>
    public string Line { get; private set; } = "";

    /// <param name="sign">What it prints when it serves.</param>
    public static async Task<BenchedProcess> StartAsync(string program, IReadOnlyList<string> arguments, string sign, Dictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment ?? [])
        {
            start.Environment[name] = value;
        }

        var benched = new BenchedProcess(Process.Start(start)!, sign); // null only for shell execution
        try
        {
            benched.Line = await benched._ready.Task.WaitAsync(StartLimit);
            return benched;
        }
        catch (TimeoutException exception)
        {
            await benched.DisposeAsync();
            throw new TimeoutException($"{program} did not start:\n{benched._output}", exception);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
