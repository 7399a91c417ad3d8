using System.Diagnostics;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>
/// A program in a session of its own, without input, whose output is always drained. The only place where
/// the agent starts programs. Disposing lets go of it; <see cref="ProcessTree"/> ends it.
/// </summary>
internal sealed class ChildProcess : IDisposable
{
    private readonly Process _process;

    private ChildProcess(Process process)
    {
        _process = process;
        Output = new DrainedPipe(process.StandardOutput.BaseStream, keptCharacters: 30_000);
        LastWords = new DrainedPipe(process.StandardError.BaseStream, keptCharacters: 8_192);
    }

    /// <summary>What came on stdout.</summary>
    public DrainedPipe Output { get; }

    /// <summary>What came on stderr.</summary>
    public DrainedPipe LastWords { get; }

    /// <summary>The process id, and the id of its session.</summary>
    public int Id => _process.Id;

    public int ExitCode => _process.ExitCode;

    /// <summary>Whether it has ended and nobody holds its pipes any more.</summary>
    public bool IsOver => _process.HasExited && Output.IsClosed && LastWords.IsClosed;

    /// <param name="program">Looked up in the PATH of <paramref name="environment"/>.</param>
    /// <param name="environment">All of it: nothing is inherited.</param>
    public static ChildProcess Start(string program, IReadOnlyList<string> arguments, string directory, IReadOnlyDictionary<string, string> environment)
    {
        // setsid replaces itself with the program, so the process that is started is the session's leader.
        var start = new ProcessStartInfo("setsid", [program, .. arguments])
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment.Clear();
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        try
        {
            return new ChildProcess(Process.Start(start)!);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new IOException($"'{program}' cannot be started: error {e.NativeErrorCode}; setsid (util-linux) must be installed.", e);
        }
    }

    /// <summary>Waits for the process itself, not for what it left running.</summary>
    public Task WaitAsync(CancellationToken cancellationToken) => _process.WaitForExitAsync(cancellationToken);

    public void Dispose()
    {
        _process.StandardOutput.Dispose();
        _process.StandardError.Dispose();
        _process.Dispose();
    }
}
