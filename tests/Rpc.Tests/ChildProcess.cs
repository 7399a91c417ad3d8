using System.Diagnostics;
using System.Text;

namespace AgentKernel.Rpc.Tests;

/// <summary>A program that a test runs: arguments as a list, both outputs drained, ended with the test.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly Task _errorsRead;

    public ChildProcess(string program, IEnumerable<string> arguments, string? directory = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            WorkingDirectory = directory ?? "",
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start)!; // null only for shell execution
        _errorsRead = ReadErrorsAsync();
    }

    public StreamReader Output => _process.StandardOutput;

    public string Errors
    {
        get
        {
            lock (_errors)
                return _errors.ToString();
        }
    }

    /// <summary>Whether the program is there at all; null, or why not.</summary>
    public static string? WhyMissing(string program)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, ["--version"]) { UseShellExecute = false, RedirectStandardOutput = true })!; // null only for shell execution
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? null : $"{program} --version exits with {process.ExitCode}";
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return $"{program} cannot be started: {e.Message}";
        }
    }

    /// <summary>Runs a program to its end and returns what it printed. A failure shows what it complained of.</summary>
    public static async Task<string> RunAsync(string program, IEnumerable<string> arguments, string? directory = null, TimeSpan? limit = null)
    {
        await using var child = new ChildProcess(program, arguments, directory);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(limit ?? Patience.Limit);
        try
        {
            var output = await child.Output.ReadToEndAsync(patience.Token);
            await child._process.WaitForExitAsync(patience.Token);
            await child._errorsRead;
            Assert.True(child._process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} exited with {child._process.ExitCode}:\n{child.Errors}");
            return output;
        }
        catch (OperationCanceledException e)
        {
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} did not end. It said:\n{child.Errors}", e);
        }
    }

    /// <summary>Ends the program at once, as a crash would.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        await _errorsRead;
        _process.Dispose();
    }

    private async Task ReadErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_errors)
                _errors.AppendLine(line);
        }
    }
}
