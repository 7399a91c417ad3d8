using System.Globalization;
using System.Text;
using AgentKernel.Spawner.Limits;

namespace AgentKernel.Spawner.Processes;

/// <summary>
/// All processes of one agent: those of its session, those that left it (setsid, double fork) but still carry its mark
/// in the environment they were started with, and those of its control group, where it has one.
/// </summary>
/// <param name="since">The start time of the oldest process that can belong to it (see <see cref="ProcessIdentity"/>): spares a closer look at older ones.</param>
/// <param name="limits">What holds them; null: nothing does.</param>
internal sealed class ProcessTree(int session, string agentId, long since = 0, AgentLimits? limits = null)
{
    /// <summary>The environment variable that marks an agent's processes; its value is the agent's id.</summary>
    public const string MarkVariable = "AGENTKERNEL_AGENT_ID";

    /// <summary>The variable beside it that says whose agents they are: the <see cref="LockedDataDirectory.Id"/>.</summary>
    public const string KernelVariable = "AGENTKERNEL_KERNEL_ID";

    /// <summary>How long a process may take to go after SIGKILL; longer means it hangs in the system.</summary>
    public static readonly TimeSpan KillTimeout = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan ProgramChange = TimeSpan.FromMilliseconds(1);

    private readonly byte[] _mark = Encoding.UTF8.GetBytes($"{MarkVariable}={agentId}\0");

    /// <summary>Sends a signal to the process group of the session's leader; false where it is empty.</summary>
    public bool SignalGroup(int signal) => session > 1 && NativeMethods.Kill(-session, signal) == 0;

    /// <summary>Kills whatever of the tree still runs, and returns when it is confirmed gone.</summary>
    /// <param name="spare">A process that carries the mark and should live: the shim that still has to write the exit status.</param>
    /// <exception cref="IOException">Something survived SIGKILL for <see cref="KillTimeout"/>.</exception>
    public async Task KillAllAsync(ProcessExitWatcher watcher, int spare = 0)
    {
        // A process may fork while it is being found; what it forked is found in the next round.
        const int rounds = 20;
        limits?.Kill();
        SignalGroup(NativeMethods.SigKill); // takes no descriptor, of which there may be none left to look round with
        for (var round = 0; round < rounds; round++)
        {
            var members = Scan(out var undecided).Where(process => process.Pid != spare).ToList();
            if (members.Count == 0 && !undecided)
            {
                return;
            }

            if (members.Count == 0)
            {
                await Task.Delay(ProgramChange);
                continue;
            }

            // All are killed before any is watched: watching takes a descriptor each, and must not be what saves them.
            foreach (var member in members.Where(process => process.IsAlive))
            {
                _ = NativeMethods.Kill(member.Pid, NativeMethods.SigKill);
            }

            try
            {
                await Task.WhenAll(members.ConvertAll(watcher.WatchAsync)).WaitAsync(KillTimeout);
            }
            catch (TimeoutException)
            {
                break;
            }
            catch (IOException)
            {
                await Task.Delay(KillTimeout / rounds); // no descriptor left to watch with: they are killed, and looked for again
            }
        }

        if (Members().Where(pid => pid != spare).ToList() is { Count: > 0 } survivors)
        {
            throw new IOException($"processes {string.Join(", ", survivors)} of agent {agentId} are still there after SIGKILL");
        }
    }

    /// <summary>The living processes of the tree.</summary>
    public IReadOnlyList<int> Members() => Scan(out _).ConvertAll(process => process.Pid);

    // Undecided: a process was seen in the middle of execve(2), when it has no environment to be known by.
    private List<ProcessIdentity> Scan(out bool undecided)
    {
        undecided = false;
        var members = new List<ProcessIdentity>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder.AsSpan()), CultureInfo.InvariantCulture, out var pid)
                || pid == Environment.ProcessId
                || ProcessStat.Read(pid) is not { IsGone: false, IsSystemThread: false } stat
                || stat.StartTime < since)
            {
                continue;
            }

            var belongs = (session > 1 && stat.Session == session) ? true : CarriesMark(pid);
            undecided |= belongs is null;
            if (belongs is true)
            {
                members.Add(new(pid, stat.StartTime));
            }
        }

        var grouped = (limits?.Members() ?? []).Except(members.Select(member => member.Pid)).Select(ProcessIdentity.Of).OfType<ProcessIdentity>();
        return [.. members, .. grouped];
    }

    // Null: it cannot be said, because the process is changing programs.
    private bool? CarriesMark(int pid)
    {
        try
        {
            var environment = File.ReadAllBytes($"/proc/{pid}/environ");
            return environment.Length > 0
                ? environment.AsSpan().IndexOf(_mark) >= 0
                : ProcessStat.Read(pid) is { IsGone: false, HasEnvironment: not false } ? null : false;
        }
        catch (IOException exception) when (exception is FileNotFoundException or DirectoryNotFoundException || exception.HResult == NativeMethods.NoSuchProcess)
        {
            return false; // it ended meanwhile
        }
        catch (UnauthorizedAccessException)
        {
            return false; // another user's: not started from here
        }
    }
}
