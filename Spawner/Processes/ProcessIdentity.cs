using System.Globalization;

namespace AgentKernel.Spawner.Processes;

/// <summary>
/// A process by its id and the time it started (in clock ticks since boot, field 22 of <c>/proc/PID/stat</c>), so that
/// an id which the system has given to another process since is never mistaken for it.
/// </summary>
internal sealed record ProcessIdentity(int Pid, long StartTime)
{
    /// <summary>The process that has this id now; null where there is none, or only its remains (state Z or X).</summary>
    public static ProcessIdentity? Of(int pid) => ProcessStat.Read(pid) is { IsGone: false } stat ? new(pid, stat.StartTime) : null;

    /// <summary>Whether this very process still runs. A zombie does not.</summary>
    public bool IsAlive => ProcessStat.Read(Pid) is { IsGone: false } stat && stat.StartTime == StartTime;
}

/// <summary>What <c>/proc/PID/stat</c> says of a process (proc(5)).</summary>
internal readonly record struct ProcessStat(char State, int ProcessGroup, int Session, long StartTime)
{
    public bool IsGone => State is 'Z' or 'X';

    public static ProcessStat? Read(int pid)
    {
        string text;
        try
        {
            text = File.ReadAllText($"/proc/{pid}/stat");
        }
        catch (IOException)
        {
            return null; // it ended, now or long ago
        }

        // The command's name stands in parentheses and may hold spaces and parentheses itself.
        var fields = text.AsSpan(text.LastIndexOf(')') + 2);
        Span<Range> ranges = stackalloc Range[22];
        return fields.Split(ranges, ' ') < 20 ? null : new ProcessStat(
            fields[ranges[0]][0],
            int.Parse(fields[ranges[2]], CultureInfo.InvariantCulture),
            int.Parse(fields[ranges[3]], CultureInfo.InvariantCulture),
            long.Parse(fields[ranges[19]], CultureInfo.InvariantCulture));
    }
}
