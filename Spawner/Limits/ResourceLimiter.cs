using AgentKernel.Spawner.Backends;

namespace AgentKernel.Spawner.Limits;

/// <summary>
/// Holds agents of this machine to their limits: by control groups under one of the kernel's own, which it makes and
/// removes, or where it may not make any, by limits of each process.
/// </summary>
internal sealed class ResourceLimiter : IDisposable
{
    private const string TeamPrefix = "team-";

    private readonly Lock _gate = new(); // a team's group must not go while an agent's is made in it
    private readonly Lazy<Cgroup?> _root;

    public ResourceLimiter(LockedDataDirectory home)
        : this(home, CgroupSite.Find)
    {
    }

    /// <param name="find">Finds the place for groups; null from it: limits of each process.</param>
    internal ResourceLimiter(LockedDataDirectory home, Func<CgroupSite?> find) => _root = new(() => find()?.Open($"agentkernel-{home.Id}"));

    /// <summary>Whether agents of this machine can be held to all of their limits, and by what; looks, and leaves nothing.</summary>
    public static (bool Held, string Detail) Probe() => CgroupSite.Find() is { } site
        ? (Cgroup.Controllers.All(site.Controllers.Contains), $"control groups, version {(site.Unified ? 2 : 1)}, hold agents and teams to their {string.Join(", ", site.Controllers)}")
        : (false, "this user may make no control groups, so memory is limited for each process of an agent alone (RLIMIT_DATA), cores are not, and the number of processes "
            + "only where an agent has a user of its own; run the kernel as root, or by: systemd-run --user --scope -p Delegate=yes");

    /// <summary>Makes what holds an agent to its limits, for its start.</summary>
    /// <param name="ownUser">Whether the agent runs as a user of its own.</param>
    /// <exception cref="AgentStartException">The system refuses; the agent must not start without.</exception>
    public AgentLimits Create(AgentSpec spec, bool ownUser)
    {
        var limits = ProcessLimits.Of(spec.Resources);
        if (_root.Value is not { } root)
        {
            return AgentLimits.OfEachProcess(limits, ownUser);
        }

        lock (_gate)
        {
            var together = ProcessLimits.Of(spec.TeamResources);
            var outer = together.Any ? root.Inner(TeamPrefix + spec.TeamId) : root;
            var group = outer.Inner(spec.AgentId);
            try
            {
                root.Create(parent: true); // removed with the last agent
                outer.Create(parent: true);
                outer.Set(together);
                group.Create(parent: false);
                group.Set(limits with { Cpu = null }); // a start that has to wait for its turn helps nobody
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                group.TryRemove();
                throw new AgentStartException("the machine refuses to hold it to its limits (control groups)", exception);
            }

            var each = new ProcessLimits(group.Has("memory") ? null : limits.MemoryBytes, group.Has("pids") ? null : limits.Pids, null);
            return AgentLimits.Of(group, ProcessLimits.None with { Cpu = limits.Cpu }, each, ownUser, () => Remove(group, outer));
        }
    }

    /// <summary>What holds an agent that an earlier kernel started; it has joined already.</summary>
    public AgentLimits Find(string agentId) => Groups().FirstOrDefault(found => found.AgentId == agentId) is { Group: { } group, Outer: { } outer }
        ? AgentLimits.Of(group, ProcessLimits.None, ProcessLimits.None, ownUser: false, () => Remove(group, outer))
        : AgentLimits.None;

    /// <summary>The agents that have a group here, whichever kernel of this data directory made it.</summary>
    public IReadOnlyList<string> AgentIds() => [.. Groups().Select(found => found.AgentId)];

    /// <summary>Removes the groups of teams in which no agent is left.</summary>
    public void RemoveEmpty()
    {
        lock (_gate)
        {
            if (_root.Value is { } root)
            {
                foreach (var name in root.InnerNames)
                {
                    root.Inner(name).TryRemove();
                }

                root.TryRemove();
            }
        }
    }

    public void Dispose()
    {
        if (_root.IsValueCreated)
        {
            RemoveEmpty(); // agents that were left running are in the others
        }
    }

    private List<(string AgentId, Cgroup Group, Cgroup Outer)> Groups()
    {
        if (_root.Value is not { } root)
        {
            return [];
        }

        return
        [
            .. root.InnerNames.Where(name => !IsTeam(name)).Select(name => (name, root.Inner(name), root)),
            .. root.InnerNames.Where(IsTeam).Select(root.Inner).SelectMany(team => team.InnerNames.Select(name => (name, team.Inner(name), team))),
        ];

        static bool IsTeam(string name) => name.StartsWith(TeamPrefix, StringComparison.Ordinal);
    }

    private bool Remove(Cgroup group, Cgroup outer)
    {
        var removed = group.TryRemove();
        lock (_gate)
        {
            if (outer.InnerNames.Count == 0)
            {
                outer.TryRemove();
            }
        }

        return removed;
    }
}
