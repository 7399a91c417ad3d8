using System.Globalization;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Limits;

/// <summary>What holds one agent's processes to its limits, from before its program begins until all of it is gone.</summary>
internal sealed class AgentLimits
{
    private static readonly TimeSpan RemovalPause = TimeSpan.FromMilliseconds(1);

    private readonly Cgroup? _group;
    private readonly ProcessLimits _held;
    private readonly ProcessLimits _later;
    private readonly Func<bool> _remove;
    private long? _forksRefused;

    private AgentLimits(Cgroup? group, string joinScript, ProcessLimits later, Func<bool> remove)
    {
        (_group, JoinScript, _later, _remove) = (group, joinScript, later, remove);
        _held = group?.Limits ?? ProcessLimits.None;
    }

    /// <summary>Nothing is limited.</summary>
    public static AgentLimits None { get; } = new(null, "", ProcessLimits.None, () => true);

    /// <summary>Commands of sh for the process that is about to become the agent's program; where one fails, it ends instead.</summary>
    public string JoinScript { get; }

    /// <param name="later">What it is held to once it is ready.</param>
    /// <param name="each">What no group can hold it to, and each of its processes is held to instead.</param>
    /// <param name="remove">Removes the group; false where something is still in it.</param>
    public static AgentLimits Of(Cgroup group, ProcessLimits later, ProcessLimits each, bool ownUser, Func<bool> remove) =>
        new(group, Join(group) + Join(each, ownUser), later, remove);

    /// <summary>Limits of each process, where there are no groups.</summary>
    /// <param name="ownUser">Whether nobody else's processes are counted as this agent's.</param>
    public static AgentLimits OfEachProcess(ProcessLimits limits, bool ownUser) => new(null, Join(limits, ownUser), ProcessLimits.None, () => true);

    /// <summary>Commands of sh that join a group.</summary>
    public static string Join(Cgroup group) =>
        string.Concat(group.JoinFiles.Select(file => $"{{ echo 0 >'{file.Replace("'", "'\\''", StringComparison.Ordinal)}'; }} 2>/dev/null || {Refuse("its control group")}"));

    /// <summary>Its processes, where they are known.</summary>
    public IReadOnlyCollection<int> Members() => _group?.Members() ?? [];

    /// <summary>Begins to hold it to what its start was spared: cores.</summary>
    public void HoldFully() => Set(_later);

    /// <summary>Changes what it is held to; one that has just ended is passed over.</summary>
    /// <exception cref="IOException">The system refuses.</exception>
    public void Set(ProcessLimits limits)
    {
        try
        {
            _group?.Set(limits);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException && _group is { Exists: false })
        {
            // Its group went with the last of its processes.
        }
    }

    /// <summary>Kills its processes, or sees to it that killing them comes to an end.</summary>
    public void Kill()
    {
        try
        {
            _forksRefused ??= _group?.ForksRefused; // before this one makes them more
            _group?.Kill();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Its group has just been removed, and all its processes before it. Else they are found and killed all the same.
        }
    }

    /// <summary>In which words a limit was the reason of an end; null where it was not. Asked before <see cref="RemoveAsync"/>.</summary>
    public string? Explain(int? code, int? signal)
    {
        if (_group is null || code is 0)
        {
            return null;
        }

        var how = new Backends.AgentEnd(code, signal, "").Describe();
        if (_group.OutOfMemory is (> 0, var own))
        {
            var limit = own && _held.MemoryBytes is { } bytes ? $"its limit of {ProcessLimits.Words(bytes)} of memory" : "what its team or the machine had left of memory";
            return signal is NativeMethods.SigKill ? $"was killed at {limit}" : $"{how} after a process of it had been killed at {limit}";
        }

        return (_forksRefused ?? _group.ForksRefused) > 0 && _held.Pids is { } pids ? $"{how} after it had reached its limit of {pids} processes and threads" : null;
    }

    /// <summary>Removes what was made for it, once it is empty; what cannot be removed within a bound is for the next start of the kernel to remove.</summary>
    public async Task RemoveAsync()
    {
        // A process that has just ended can be in it for a moment yet; the system tells nobody when that is over.
        for (var pauses = 0; !TryRemove() && pauses < ProcessTree.KillTimeout / RemovalPause; pauses++)
        {
            await Task.Delay(RemovalPause);
        }
    }

    /// <summary>Removes what was made for it; false where something is still in it.</summary>
    public bool TryRemove() => _remove();

    private static string Join(ProcessLimits each, bool ownUser) =>
        (each.MemoryBytes is { } memory ? Limit('d', memory / 1024, "its limit of memory") : "")
        + (each.Pids is { } pids && ownUser ? Limit('p', pids, "its limit of processes") : "");

    private static string Limit(char kind, long value, string what) => string.Create(CultureInfo.InvariantCulture, $"ulimit -{kind} {value} 2>/dev/null || {Refuse(what)}");

    private static string Refuse(string what) => $"{{ echo 'the agent was not started, because {what} could not be set'; exit 125; }}; ";
}
