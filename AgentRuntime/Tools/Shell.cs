using System.Collections;
using System.Diagnostics;
using System.Text;
using AgentKernel.AgentRuntime.Bundles;
using AgentKernel.AgentRuntime.Configuration;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>
/// Runs bash commands one after another, as one shell would: the working directory stays. Each command is a
/// process tree of its own that is killed as a whole; what a command left running in the background goes on
/// until the agent ends.
/// </summary>
internal sealed class Shell(Workspace workspace, BundleSet bundles, IReadOnlyCollection<string> secrets) : IAsyncDisposable
{
    // One argument of a program can have 128 KiB on Linux.
    private const int MaxCommandBytes = 100_000;

    /// <summary>
    /// Output goes to one pipe, so that stdout and stderr keep their order. The last words of the script are
    /// the working directory, on descriptor 9, which is a pipe of its own so that output cannot forge it.
    /// </summary>
    private const string Prologue =
        """
        exec 9>&2 2>&1
        trap 'pwd -P >&9' EXIT
        __command=$1; set --
        eval "unset __command; $__command"
        """;

    /// <summary>Stands in the environment of everything a command starts, which is how runaways are found.</summary>
    private const string MarkVariable = "AGENT_RUNTIME_SHELL";

    private readonly List<ChildProcess> _leftBehind = [];
    private string _directory = workspace.Root;
    private string? _mark;
    private int _calls;

    /// <summary>The folder that the next command begins in.</summary>
    public string Folder => Directory.Exists(_directory) ? _directory : workspace.Root;

    /// <exception cref="OperationCanceledException">Cancelled; the command and all it started are dead.</exception>
    public async Task<ShellResult> RunAsync(string command, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (Encoding.UTF8.GetByteCount(command) > MaxCommandBytes)
            throw new ToolInputException($"'command' is longer than {MaxCommandBytes} bytes; write a script file and run it.");
        if (command.Contains('\0', StringComparison.Ordinal))
            throw new ToolInputException("'command' has a NUL character.");
        cancellationToken.ThrowIfCancellationRequested();
        if (!Directory.Exists(_directory))
            _directory = workspace.Root;
        ForgetEnded();

        // Not from the cryptography library, which would load OpenSSL into every agent.
        _mark ??= Guid.NewGuid().ToString();
        var mark = $"{_mark}.{++_calls}.";
        var child = ChildProcess.Start("bash", ["-c", Prologue, "bash", command], _directory, BuildEnvironment(mark));
        _leftBehind.Add(child);
        var exitCode = await WaitOrKillAsync(child, mark, timeout, cancellationToken);
        var result = new ShellResult(await child.Output.TakeAsync(), exitCode);
        var directory = (await child.LastWords.TakeAsync()).TrimEnd('\n');
        if (directory.Length > 0 && Directory.Exists(directory))
            _directory = directory;
        ForgetEnded();
        return result;
    }

    /// <summary>Ends what commands have left running in the background.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_mark is not null)
            await ProcessTree.KillAsync(session: null, $"{MarkVariable}={_mark}.");
        foreach (var child in _leftBehind)
            child.Dispose();
        _leftBehind.Clear();
    }

    /// <returns>The exit code; null when it ran out of time.</returns>
    private static async Task<int?> WaitOrKillAsync(ChildProcess child, string mark, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);
        try
        {
            return await child.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            await ProcessTree.KillAsync(child.Id, $"{MarkVariable}={mark}");
            cancellationToken.ThrowIfCancellationRequested();
            return null;
        }
    }

    // Background processes keep a child's pipes open; its output is drained, and thrown away, until they end.
    private void ForgetEnded()
    {
        foreach (var child in _leftBehind.FindAll(child => child.IsOver))
        {
            _leftBehind.Remove(child);
            child.Dispose();
        }
    }

    private Dictionary<string, string> BuildEnvironment(string mark)
    {
        // The spawner built this environment from an allow-list; what is left to take out are the agent's own secrets.
        var environment = new Dictionary<string, string> { ["PATH"] = "/usr/local/bin:/usr/bin:/bin" };
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            if (entry is { Key: string name, Value: string value } && !HostEnvironment.IsSecret(name)
                && !secrets.Any(secret => value.Contains(secret, StringComparison.Ordinal)))
                environment[name] = value;
        }
        bundles.AddTo(environment);
        environment[MarkVariable] = mark;
        if (Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } trace } span)
        {
            environment["TRACEPARENT"] = trace;
            if (span.TraceStateString is { Length: > 0 } state)
            {
                environment["TRACESTATE"] = state;
            }
        }

        return environment;
    }
}

/// <param name="ExitCode">Null when it was killed because it ran out of time.</param>
internal sealed record ShellResult(string Output, int? ExitCode);
