using System.Text.RegularExpressions;

namespace AgentKernel.Spawner.Limits;

/// <summary>A hierarchy of control groups as this process sees it: version 2 has one for all, version 1 one for each controller.</summary>
/// <param name="Controllers">What it can limit; of version 2, what it can in its topmost group here.</param>
/// <param name="Top">The folder of its topmost group that can be seen.</param>
/// <param name="Own">The folder of the group that this process is in.</param>
internal sealed partial record CgroupMount(bool Unified, IReadOnlyList<string> Controllers, string Top, string Own)
{
    /// <summary>Reads what the system says of this process (proc(5), cgroups(7)).</summary>
    public static IReadOnlyList<CgroupMount> Read() =>
        Parse(File.ReadAllLines("/proc/self/mountinfo"), File.ReadAllLines("/proc/self/cgroup"), folder => Words(Path.Combine(folder, "cgroup.controllers")));

    /// <param name="mounts">Lines of <c>/proc/self/mountinfo</c>.</param>
    /// <param name="groups">Lines of <c>/proc/self/cgroup</c>.</param>
    /// <param name="unified">The controllers of a version 2 group.</param>
    public static IReadOnlyList<CgroupMount> Parse(IEnumerable<string> mounts, IEnumerable<string> groups, Func<string, IReadOnlyList<string>> unified)
    {
        var own = groups.Select(line => line.Split(':', 3)).Where(parts => parts.Length == 3).ToList();
        var found = new List<CgroupMount>();
        foreach (var line in mounts)
        {
            var halves = line.Split(" - ", 2);
            var (left, right) = (halves[0].Split(' '), halves[^1].Split(' '));
            if (halves.Length != 2 || left.Length < 5 || right.Length < 3 || right[0] is not ("cgroup" or "cgroup2"))
            {
                continue;
            }

            var (root, top) = (Unescape(left[3]), Unescape(left[4]));
            var controllers = right[0] == "cgroup2" ? unified(top) : right[2].Split(',').Intersect(["memory", "pids", "cpu"], StringComparer.Ordinal).ToList();
            var group = own.Find(parts => right[0] == "cgroup2" ? parts[0] == "0" : controllers.Any(parts[1].Split(',').Contains))?[2] ?? "/";
            // A container may see only its own part of the hierarchy, as its top.
            var path = root != "/" && group.StartsWith(root, StringComparison.Ordinal) ? group[root.Length..] : group;
            found.Add(new(right[0] == "cgroup2", controllers, top, Path.Combine(top, path.TrimStart('/')).TrimEnd('/')));
        }

        return found;
    }

    /// <summary>The words of a file; none where it cannot be read.</summary>
    public static IReadOnlyList<string> Words(string file)
    {
        try
        {
            return File.ReadAllText(file).Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    // As the system writes blanks and backslashes: in octal.
    private static string Unescape(string path) => Octal().Replace(path, match => ((char)Convert.ToInt32(match.Groups["code"].Value, 8)).ToString());

    [GeneratedRegex(@"\\(?<code>[0-7]{3})", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Octal();
}
