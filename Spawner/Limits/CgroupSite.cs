using System.ComponentModel;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Limits;

/// <summary>A place in the control groups of this machine where this user may make groups and let processes join them.</summary>
internal sealed class CgroupSite
{
    private readonly Dictionary<string, string> _folders;

    private CgroupSite(bool unified, Dictionary<string, string> folders) => (Unified, _folders) = (unified, folders);

    /// <summary>Whether it is of version 2.</summary>
    public bool Unified { get; }

    public IEnumerable<string> Controllers => _folders.Keys;

    /// <summary>The first place that works; null where none does. Tried with a group that is removed again.</summary>
    public static CgroupSite? Find()
    {
        try
        {
            return Candidates(CgroupMount.Read()).FirstOrDefault(site => site.Works());
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null; // no /proc to read it from
        }
    }

    /// <summary>The group of this name there; not made yet.</summary>
    public Cgroup Open(string name) => new Cgroup(Unified, _folders).Inner(name);

    // Topmost first: there nothing else's limits apply, and a kernel finds it again from wherever it is started next.
    // A user whom a part was delegated to finds it among the groups around its own.
    private static IEnumerable<CgroupSite> Candidates(IReadOnlyList<CgroupMount> mounts)
    {
        foreach (var mount in mounts.Where(mount => mount.Unified && mount.Controllers.Intersect(Cgroup.Controllers, StringComparer.Ordinal).Any()))
        {
            var above = new List<string>();
            for (var folder = mount.Own; folder.Length >= mount.Top.Length; folder = Path.GetDirectoryName(folder) ?? "")
            {
                above.Insert(0, folder);
            }

            foreach (var folder in above)
            {
                var controllers = CgroupMount.Words(Path.Combine(folder, "cgroup.controllers")).Intersect(Cgroup.Controllers, StringComparer.Ordinal);
                yield return new(unified: true, controllers.ToDictionary(name => name, _ => folder, StringComparer.Ordinal));
            }
        }

        var former = Cgroup.Controllers
            .Select(name => (Name: name, Mount: mounts.FirstOrDefault(mount => !mount.Unified && mount.Controllers.Contains(name))))
            .Where(found => found.Mount is not null).ToList();
        yield return new(unified: false, former.ToDictionary(found => found.Name, found => found.Mount!.Top, StringComparer.Ordinal)); // looked at above
        yield return new(unified: false, former.ToDictionary(found => found.Name, found => found.Mount!.Own, StringComparer.Ordinal));
    }

    private bool Works()
    {
        if (_folders.Count == 0)
        {
            return false;
        }

        var outer = Open($"agentkernel-probe-{Guid.NewGuid():N}");
        var inner = outer.Inner("inner");
        try
        {
            if (Unified)
            {
                Cgroup.LetInnerOnesLimit(_folders.Values.First());
            }

            outer.Create(parent: true);
            inner.Create(parent: false);
            inner.Set(new(MemoryBytes: 64 * 1024 * 1024, Pids: 16, Cpu: 1));
            return Joins(inner);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or Win32Exception)
        {
            return false;
        }
        finally
        {
            SpinWait.SpinUntil(inner.TryRemove, ProcessTree.KillTimeout);
            outer.TryRemove();
        }
    }

    private static bool Joins(Cgroup group)
    {
        var pid = ProcessLauncher.Start(new("/bin/sh", ["-c", AgentLimits.Join(group) + "exit 0"], new Dictionary<string, string>(), "/"));
        _ = NativeMethods.WaitPid(pid, out var status, 0);
        return status == 0;
    }
}
