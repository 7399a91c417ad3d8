using System.Globalization;
using System.Text;

namespace AgentKernel.Spawner.Processes;

/// <summary>
/// All processes of one agent: those of its session, and those that left it (setsid, double fork) but still carry its
/// mark in the environment they were started with.
/// </summary>
internal sealed class ProcessTree(int session, string agentId)
{
    /// <summary>The environment variable that marks an agent's processes; its value is the agent's id.</summary>
    public const string MarkVariable = "AGENTKERNEL_AGENT_ID";

    /// <summary>How long a process may take to go after SIGKILL; longer means it hangs in the system.</summary>
    public static readonly TimeSpan KillTimeout = TimeSpan.FromSeconds(5);

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
        for (var round = 0; round < rounds; round++)
        {
            var members = Members().Where(pid => pid != spare).ToList();
            if (members.Count == 0)
            {
                return;
            }

            var ends = members.ConvertAll(watcher.WatchAsync);
            members.ForEach(pid => NativeMethods.Kill(pid, NativeMethods.SigKill));
            try
            {
                await Task.WhenAll(ends).WaitAsync(KillTimeout);
            }
            catch (TimeoutException)
            {
                break;
            }
        }

        if (Members().Where(pid => pid != spare).ToList() is { Count: > 0 } survivors)
        {
            throw new IOException($"processes {string.Join(", ", survivors)} of agent {agentId} are still there after SIGKILL");
        }
    }

    /// <summary>The living processes of the tree.</summary>
    public IEnumerable<int> Members()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid)
                && pid != Environment.ProcessId
                && ProcessStat.Read(pid) is { IsGone: false } stat
                && ((session > 1 && stat.Session == session) || CarriesMark(pid)))
            {
                yield return pid;
            }
        }
    }

    private bool CarriesMark(int pid)
    {
        try
        {
            return File.ReadAllBytes($"/proc/{pid}/environ").AsSpan().IndexOf(_mark) >= 0;
        }
        catch (IOException)
        {
            return false; // it ended meanwhile
        }
        catch (UnauthorizedAccessException)
        {
            return false; // another user's: not started from here
        }
    }
}
