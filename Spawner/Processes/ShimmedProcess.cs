using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using AgentKernel.Spawner.Limits;

namespace AgentKernel.Spawner.Processes;

/// <summary>How a shimmed process ended: an exit code, a signal, or neither where nobody was left to see it.</summary>
/// <param name="Leftover">What could not be ended of it; null where all is gone.</param>
/// <param name="Limit">In which words one of its limits was the reason; null where none was.</param>
internal sealed record ProcessExit(int? Code, int? Signal, string? Leftover, string? Limit = null);

/// <summary>What must be kept to find a shimmed process again after a restart of the kernel.</summary>
/// <param name="Leader">Who leads the program's session, where the command starts it in one of its own.</param>
internal sealed record ShimState(ProcessIdentity Shim, ProcessIdentity Logger, ProcessIdentity? Leader = null);

/// <summary>
/// Finds who leads the session that a program runs in, where the command starts it in one of its own. Given is the id of
/// the command's first process; null where the leader has not come so far.
/// </summary>
internal delegate ProcessIdentity? FindLeader(int first);

/// <summary>
/// A program under a shim: a shell that outlives the kernel, waits for the program and writes down how it ended, while a
/// logger (coreutils' split) keeps the program's output in a bounded log. Shim and logger have sessions of their own, so
/// that a signal to the program's never reaches them. Files, all in the program's folder: <c>pid</c>, <c>exit</c>,
/// <c>output.log</c> and <c>output.log.1</c>.
/// </summary>
/// <remarks>The instance owns nothing but tasks; dropping it leaves the processes running.</remarks>
internal sealed class ShimmedProcess
{
    private const string PidFile = "pid";
    private const string ExitFile = "exit";
    private const string Shell = "/bin/sh";
    private const string SetSid = "/usr/bin/setsid";
    private const string Logger = "/usr/bin/split";

    // $0 is the folder for the files, $1 the script of the inner shell and what follows the command.
    private const string ShimScript = $"""s=$1; shift; {SetSid} {Shell} -c "$s" "$0" "$@"; echo $? >"$0"/{ExitFile}""";

    // The inner shell becomes the program, so the id it writes is the program's. Between the two parts stands what holds it to its limits.
    private const string ProgramScript = $"""echo $$ >"$0"/{PidFile}; exec 2>&1; """;
    private const string BecomeProgram = "exec \"$@\"";

    // split starts the filter for each further 10 MiB of output: the last full file is kept beside the one being written.
    // A filter that fails would end split, and with it the program at its next word: where the disk is full, output is lost instead.
    private static readonly string[] LoggerArguments =
    [
        "-b", $"{AgentLog.MaxFileBytes}", "--filter",
        $"mv -f {AgentLog.CurrentFile} {AgentLog.PreviousFile} 2>/dev/null; cat >{AgentLog.CurrentFile} || exec cat >/dev/null", "-",
    ];

    private static readonly Dictionary<string, string> LoggerEnvironment = new() { ["PATH"] = "/usr/bin:/bin", ["SHELL"] = Shell };
    private static readonly TimeSpan LoggerFlush = TimeSpan.FromSeconds(2);

    private readonly string _folder;
    private readonly string _agentId;
    private readonly ProcessExitWatcher _watcher;
    private readonly AgentLimits _limits;
    private readonly ProcessIdentity _shim;
    private readonly ProcessIdentity _logger;
    private readonly bool _shimSeenAlive;
    private readonly FindLeader? _findLeader;
    private ProcessIdentity? _leader;
    private int _pid;

    private ShimmedProcess(string folder, string agentId, Watched shim, Watched logger, bool shimSeenAlive, AgentLimits limits, ProcessExitWatcher watcher, FindLeader? findLeader, ProcessIdentity? leader)
    {
        (_folder, _agentId, _shimSeenAlive, _limits, _watcher, _findLeader, _leader) = (folder, agentId, shimSeenAlive, limits, watcher, findLeader, leader);
        _shim = shim.Identity;
        _logger = logger.Identity;
        Completion = MonitorAsync(shim.Ended, logger.Ended);
    }

    /// <summary>What to keep for <see cref="Reattach"/>.</summary>
    public ShimState State => new(_shim, _logger, Leader);

    /// <summary>
    /// Completes when the program has ended, the last of its output is in the log, and nothing that it started is left.
    /// </summary>
    public Task<ProcessExit> Completion { get; }

    /// <summary>Begins to hold it to what its start was spared.</summary>
    public void HoldFully() => _limits.HoldFully();

    /// <summary>The id of the program, which leads its session; 0 where it has not come so far.</summary>
    public int Pid => _findLeader is null ? First : Leader?.Pid ?? 0;

    /// <summary>The program that shims are made of and this machine lacks; null where all are there.</summary>
    public static string? Missing() => Array.Find([Shell, SetSid, Logger], program => !File.Exists(program));

    /// <summary>Starts a command under a shim.</summary>
    /// <param name="folder">Where shim and logger keep their files; exists and is the program's own.</param>
    /// <param name="workspace">The program's working directory.</param>
    /// <param name="environment">All of the program's environment; the mark of <see cref="ProcessTree"/> is added.</param>
    /// <param name="limits">What it is held to; removed after its end, and where this throws.</param>
    /// <param name="findLeader">Null: the command's first process leads the program's session.</param>
    /// <exception cref="Win32Exception">The shim could not be started.</exception>
    public static ShimmedProcess Start(
        string folder, string workspace, string agentId, IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment, AgentLimits limits,
        ProcessExitWatcher watcher, FindLeader? findLeader = null)
    {
        var marked = new Dictionary<string, string>(environment) { [ProcessTree.MarkVariable] = agentId };
        try
        {
            var (shim, logger) = Launch(folder, workspace, [folder, $"{ProgramScript}{limits.JoinScript}{BecomeProgram}", .. command], marked, watcher);
            return new(folder, agentId, shim, logger, shimSeenAlive: true, limits, watcher, findLeader, leader: null);
        }
        catch
        {
            limits.TryRemove(); // nothing is in it
            throw;
        }
    }

    /// <summary>Takes up a process that an earlier kernel started. One that has ended meanwhile completes with what its shim wrote down.</summary>
    /// <exception cref="IOException">The system has no descriptor left to watch it with.</exception>
    public static ShimmedProcess Reattach(string folder, string agentId, ShimState state, AgentLimits limits, ProcessExitWatcher watcher, FindLeader? findLeader = null) =>
        new(
            folder, agentId, new(state.Shim, watcher.WatchAsync(state.Shim)), new(state.Logger, watcher.WatchAsync(state.Logger)), state.Shim.IsAlive, limits, watcher, findLeader, state.Leader);

    private static (Watched Shim, Watched Logger) Launch(
        string folder, string workspace, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, ProcessExitWatcher watcher)
    {
        var (read, write) = ProcessLauncher.CreatePipe();
        using (read)
        using (write)
        {
            // A shim whose logger cannot start dies of SIGPIPE at its first word; start the logger first and it never comes to that.
            var logger = Launch(new(Logger, LoggerArguments, LoggerEnvironment, folder, StandardInput: read), watcher);
            try
            {
                return (Launch(new(Shell, ["-c", ShimScript, .. arguments], environment, workspace, StandardOutput: write), watcher), logger);
            }
            catch
            {
                EndChild(logger.Identity.Pid);
                throw;
            }
        }
    }

    private static Watched Launch(ProcessStart start, ProcessExitWatcher watcher)
    {
        var pid = ProcessLauncher.Start(start);
        try
        {
            // A child that has ended already is there as a zombie until it is reaped, which watching does: first the identity.
            var identity = new ProcessIdentity(pid, ProcessStat.Read(pid)?.StartTime ?? 0);
            return new(identity, watcher.WatchAsync(pid));
        }
        catch
        {
            EndChild(pid);
            throw;
        }
    }

    private static void EndChild(int pid)
    {
        _ = NativeMethods.Kill(pid, NativeMethods.SigKill);
        _ = NativeMethods.WaitPid(pid, out _, 0); // returns when it is reaped, here or by the watcher
    }

    /// <summary>
    /// Ends the program: SIGTERM to its process group, SIGKILL to all it has left after <paramref name="grace"/>, and
    /// returns when that is confirmed. Safe to call more than once, and at the same time.
    /// </summary>
    /// <exception cref="IOException">It could not be ended within the time that SIGKILL may take.</exception>
    [SuppressMessage("Reliability", "MA0040", Justification = "Stopping must not be stopped half way: it is bounded instead.")]
    public async Task<ProcessExit> StopAsync(TimeSpan grace)
    {
        if (!Completion.IsCompleted && Tree.SignalGroup(NativeMethods.SigTerm))
        {
            try
            {
                return await Completion.WaitAsync(grace);
            }
            catch (TimeoutException)
            {
                // It would not go by itself.
            }
        }

        if (!Completion.IsCompleted)
        {
            // The shim lives on to write the exit status, unless it never came to start the program.
            await Tree.KillAllAsync(_watcher, spare: First == 0 ? 0 : _shim.Pid);
        }

        try
        {
            return await Completion.WaitAsync(ProcessTree.KillTimeout + LoggerFlush);
        }
        catch (TimeoutException)
        {
            // The shim is spared no longer: its agent can have stopped it (SIGSTOP), as one user's processes can.
            await Tree.KillAllAsync(_watcher);
        }

        try
        {
            return await Completion.WaitAsync(ProcessTree.KillTimeout + LoggerFlush);
        }
        catch (TimeoutException exception)
        {
            throw new IOException($"the end of agent {_agentId} could not be confirmed after SIGKILL", exception);
        }
    }

    // The command's own first process, which leads the session that the shim gave it.
    private int First => _pid > 0 ? _pid : _pid = ReadNumber(PidFile) ?? 0;

    // Looked for while the shim vouches for the first process, and then remembered.
    private ProcessIdentity? Leader => _leader ??= First > 0 && _shimSeenAlive ? _findLeader?.Invoke(First) : null;

    // By session only while the shim vouches for it: once all of a session are gone, its id can become a stranger's.
    private ProcessTree Tree => new(Session, _agentId, _shim.StartTime, _limits);

    private int Session => _findLeader is null ? (_shimSeenAlive ? First : 0) : (Leader is { IsAlive: true } leader ? leader.Pid : 0);

    private async Task<ProcessExit> MonitorAsync(Task shimEnded, Task loggerEnded)
    {
        await shimEnded;
        string? leftover = null;
        try
        {
            await Tree.KillAllAsync(_watcher);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or Win32Exception)
        {
            leftover = exception.Message;
        }

        await FinishLogAsync(loggerEnded);
        (int? code, int? signal) = ReadNumber(ExitFile) switch
        {
            > 128 and <= 192 and var status => (null, status - 128), // how a shell reports a signal
            var status => ((int?)status, (int?)null),
        };
        var limit = _limits.Explain(code, signal);
        await _limits.RemoveAsync();
        return new(code, signal, leftover, limit);
    }

    private async Task FinishLogAsync(Task loggerEnded)
    {
        try
        {
            await loggerEnded.WaitAsync(LoggerFlush); // nobody holds the other end of its pipe any more
        }
        catch (TimeoutException)
        {
            _ = NativeMethods.Kill(_logger.Pid, NativeMethods.SigKill);
        }
    }

    private int? ReadNumber(string file)
    {
        try
        {
            return int.TryParse(File.ReadAllText(Path.Combine(_folder, file)), CultureInfo.InvariantCulture, out var number) ? number : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null; // not written, gone with the folder, or locked away by the program
        }
    }

    /// <summary>A process and the task that completes when it has ended.</summary>
    private sealed record Watched(ProcessIdentity Identity, Task Ended);
}
