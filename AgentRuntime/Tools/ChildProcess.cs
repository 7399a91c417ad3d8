using System.IO.Pipes;
using Microsoft.Win32.SafeHandles;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>
/// A program in a session of its own, without input, whose output is always drained. The only way in which
/// the agent starts programs. Disposing lets go of it; <see cref="ProcessTree"/> ends it.
/// </summary>
internal sealed class ChildProcess : IDisposable
{
    private readonly AnonymousPipeClientStream _stdout;
    private readonly AnonymousPipeClientStream _stderr;
    private readonly Task<int> _exit;

    private ChildProcess(int id, SafePipeHandle stdout, SafePipeHandle stderr)
    {
        Id = id;
        _stdout = new AnonymousPipeClientStream(PipeDirection.In, stdout);
        _stderr = new AnonymousPipeClientStream(PipeDirection.In, stderr);
        Output = new DrainedPipe(_stdout, keptCharacters: 30_000);
        LastWords = new DrainedPipe(_stderr, keptCharacters: 8_192);
        // A thread of its own: waiting blocks, and commands run one at a time.
        _exit = Task.Factory.StartNew(() => PosixSpawn.Wait(id), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>The process id, and the id of its session.</summary>
    public int Id { get; }

    /// <summary>What came on stdout.</summary>
    public DrainedPipe Output { get; }

    /// <summary>What came on stderr.</summary>
    public DrainedPipe LastWords { get; }

    /// <summary>Whether it has ended and nobody holds its pipes any more.</summary>
    public bool IsOver => _exit.IsCompleted && Output.IsClosed && LastWords.IsClosed;

    /// <param name="program">Looked up in this process's PATH.</param>
    /// <param name="environment">All of it: nothing is inherited.</param>
    /// <exception cref="IOException">It cannot be started.</exception>
    public static ChildProcess Start(string program, IReadOnlyList<string> arguments, string directory, IReadOnlyDictionary<string, string> environment)
    {
        var (id, stdout, stderr) = PosixSpawn.Start(program, [program, .. arguments], directory, [.. environment.Select(pair => $"{pair.Key}={pair.Value}")]);
        return new ChildProcess(id, stdout, stderr);
    }

    /// <summary>Waits for the process itself, not for what it left running.</summary>
    /// <returns>The exit code; 128 and the signal's number where a signal ended it.</returns>
    public Task<int> WaitAsync(CancellationToken cancellationToken) => _exit.WaitAsync(cancellationToken);

    public void Dispose()
    {
        _stdout.Dispose();
        _stderr.Dispose();
    }
}
