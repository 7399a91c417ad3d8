using System.Globalization;
using System.Text;
using AgentKernel.Spawner.Limits;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Backends.Local;

/// <summary>
/// Removes what earlier kernels of this data directory left on this machine of agents that nothing is known of: their
/// processes, sockets and control groups.
/// </summary>
internal sealed class OrphanSweep(LockedDataDirectory home, ResourceLimiter limiter, ProcessExitWatcher watcher)
{
    private const string Mark = ProcessTree.MarkVariable + "=";

    private readonly SocketFolder _sockets = new(home.Path);

    /// <summary>Leaves those whose ids are given alone; returns what was found and removed of others, in words.</summary>
    /// <exception cref="IOException">Something could not be ended or removed.</exception>
    public async Task<IReadOnlyList<string>> RunAsync(IReadOnlySet<string> known)
    {
        var found = new List<string>();
        foreach (var agentId in Marked().Union(limiter.AgentIds()).Where(id => !known.Contains(id)).ToList())
        {
            var limits = limiter.Find(agentId);
            await new ProcessTree(session: 0, agentId, limits: limits).KillAllAsync(watcher);
            await limits.RemoveAsync();
            found.Add($"processes or control groups of agent {agentId}");
        }

        limiter.RemoveEmpty();
        foreach (var stray in _sockets.Strays(known))
        {
            if (Directory.Exists(stray))
            {
                Directory.Delete(stray, recursive: true);
            }
            else
            {
                File.Delete(stray);
            }

            found.Add($"socket {Path.GetFileName(stray)}");
        }

        return found;
    }

    // The agents that any process of this machine says it belongs to, if it says that it is this kernel's.
    private HashSet<string> Marked()
    {
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder.AsSpan()), CultureInfo.InvariantCulture, out _)
                && Environ(folder) is { } variables
                && variables.Contains($"{ProcessTree.KernelVariable}={home.Id}", StringComparer.Ordinal)
                && Array.Find(variables, variable => variable.StartsWith(Mark, StringComparison.Ordinal)) is { } mark)
            {
                ids.Add(mark[Mark.Length..]);
            }
        }

        return ids;
    }

    private static string[]? Environ(string process)
    {
        try
        {
            return Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(process, "environ"))).Split('\0');
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null; // it has ended, or is another user's
        }
    }
}
