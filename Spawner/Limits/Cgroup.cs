using System.Globalization;

namespace AgentKernel.Spawner.Limits;

/// <summary>
/// One control group (cgroups(7)). Of version 1 it is a folder in the hierarchy of each controller, of version 2 one folder.
/// </summary>
/// <param name="folders">The folder of each controller: <c>memory</c>, <c>pids</c>, <c>cpu</c>; what cannot be limited here is missing.</param>
internal sealed class Cgroup(bool unified, IReadOnlyDictionary<string, string> folders)
{
    public static readonly IReadOnlyList<string> Controllers = ["memory", "pids", "cpu"];

    private const string Processes = "cgroup.procs";
    private const int Period = 100_000; // microseconds, the system's own default
    private const int HugePage = 2 * 1024 * 1024; // bytes; the largest piece that a limit refuses at once
    private const int LeastQuota = 1000; // microseconds; the system takes no less

    private string[] Folders => [.. folders.Values.Distinct(StringComparer.Ordinal)];

    public bool Exists => folders.Values.Any(Directory.Exists);

    /// <summary>The files into which a process writes 0 to join.</summary>
    public IEnumerable<string> JoinFiles => Folders.Select(folder => Path.Combine(folder, Processes));

    /// <summary>The names of the groups within this one.</summary>
    public IReadOnlyList<string> InnerNames =>
        [.. Folders.Where(Directory.Exists).SelectMany(Directory.EnumerateDirectories).Select(folder => Path.GetFileName(folder)).Distinct(StringComparer.Ordinal)];

    /// <summary>Whether a controller is there.</summary>
    public bool Has(string controller) => folders.ContainsKey(controller);

    /// <summary>A group within this one.</summary>
    public Cgroup Inner(string name) => new(unified, folders.ToDictionary(pair => pair.Key, pair => Path.Combine(pair.Value, name), StringComparer.Ordinal));

    /// <summary>Makes it where it is missing.</summary>
    /// <param name="parent">Whether groups within it are to be limited; then it cannot have processes of its own (version 2).</param>
    public void Create(bool parent)
    {
        foreach (var folder in Folders)
        {
            Directory.CreateDirectory(folder);
            if (parent && unified)
            {
                LetInnerOnesLimit(folder);
            }
        }
    }

    /// <summary>Lets groups within a version 2 group have its controllers, as far as it has them itself.</summary>
    public static void LetInnerOnesLimit(string folder)
    {
        foreach (var controller in CgroupMount.Words(Path.Combine(folder, "cgroup.controllers")).Intersect(Controllers, StringComparer.Ordinal))
        {
            File.WriteAllText(Path.Combine(folder, "cgroup.subtree_control"), $"+{controller}");
        }
    }

    /// <summary>Holds it to limits; what is null there stays as it is.</summary>
    public void Set(ProcessLimits limits)
    {
        if (limits.MemoryBytes is { } memory && Has("memory"))
        {
            Write("memory", unified ? "memory.max" : "memory.limit_in_bytes", Text(memory));
            // Else what is over the limit would go on in swap. Not every system counts it.
            WriteWhereItIs("memory", unified ? "memory.swap.max" : "memory.memsw.limit_in_bytes", unified ? "0" : Text(memory));
        }

        if (limits.Pids is { } pids && Has("pids"))
        {
            Write("pids", "pids.max", Text(pids));
        }

        if (limits.Cpu is { } cpu && Has("cpu"))
        {
            SetCores(cpu);
        }
    }

    /// <summary>The limits that it has. Cores are not asked for: nothing ends for want of them.</summary>
    public ProcessLimits Limits => new(
        Number("memory", unified ? "memory.max" : "memory.limit_in_bytes") is { } bytes and < long.MaxValue / 2 ? bytes : null,
        (int?)Number("pids", "pids.max"),
        null);

    /// <summary>How many of its processes were killed for want of memory, and whether that was its own limit.</summary>
    public (long Killed, bool OwnLimit) OutOfMemory => unified
        ? (Count("memory", "memory.events", "oom_kill"), Count("memory", "memory.events", "oom") > 0)
        : (Count("memory", "memory.oom_control", "oom_kill"), Number("memory", "memory.max_usage_in_bytes") >= Number("memory", "memory.limit_in_bytes") - HugePage); // its failcnt leaves out what swap's limit refuses

    /// <summary>How often it was refused a further process.</summary>
    public long ForksRefused => Count("pids", "pids.events", "max");

    /// <summary>Kills all in it where the system does that at once; else lets none start another, so that killing them one by one comes to an end.</summary>
    public void Kill()
    {
        var kill = Path.Combine(Folders[0], "cgroup.kill"); // Linux 5.14
        if (unified && File.Exists(kill))
        {
            File.WriteAllText(kill, "1");
        }
        else
        {
            WriteWhereItIs("pids", "pids.max", "0");
        }
    }

    /// <summary>The processes in it.</summary>
    public IReadOnlyCollection<int> Members() =>
        [.. JoinFiles.SelectMany(CgroupMount.Words).Select(pid => int.Parse(pid, CultureInfo.InvariantCulture)).Where(pid => pid > 0).Distinct()];

    /// <summary>Removes it; false where something is still in it.</summary>
    public bool TryRemove()
    {
        foreach (var folder in Folders.Where(Directory.Exists))
        {
            try
            {
                Directory.Delete(folder); // its files go with it
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // Looked at below: it may be gone all the same.
            }
        }

        return !Exists;
    }

    private void SetCores(double cores)
    {
        var quota = Text((long)Math.Clamp(cores * Period, LeastQuota, int.MaxValue));
        if (unified)
        {
            Write("cpu", "cpu.max", $"{quota} {Period}");
            return;
        }

        Write("cpu", "cpu.cfs_period_us", Text(Period));
        try
        {
            Write("cpu", "cpu.cfs_quota_us", quota);
        }
        catch (IOException) when (Exists)
        {
            // Version 1 refuses a group more than those around it have: they hold it to less already.
        }
    }

    private void Write(string controller, string file, string value) => File.WriteAllText(Path.Combine(folders[controller], file), value);

    private void WriteWhereItIs(string controller, string file, string value)
    {
        if (folders.TryGetValue(controller, out var folder) && File.Exists(Path.Combine(folder, file)))
        {
            File.WriteAllText(Path.Combine(folder, file), value);
        }
    }

    // Null: it says "max", or cannot be read.
    private long? Number(string controller, string file) =>
        Words(controller, file) is [var word, ..] && long.TryParse(word, CultureInfo.InvariantCulture, out var number) ? number : null;

    private long Count(string controller, string file, string key)
    {
        var words = Words(controller, file).ToList();
        return words.IndexOf(key) is >= 0 and var index && index + 1 < words.Count ? long.Parse(words[index + 1], CultureInfo.InvariantCulture) : 0;
    }

    private IReadOnlyList<string> Words(string controller, string file) =>
        folders.TryGetValue(controller, out var folder) ? CgroupMount.Words(Path.Combine(folder, file)) : [];

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
