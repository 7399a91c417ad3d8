using System.Text;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>What a kernel and its agents leave on the machine, found without the kernel's own means.</summary>
internal static class Traces
{
    private static readonly EnumerationOptions Below = new() { RecurseSubdirectories = true, IgnoreInaccessible = true, MaxRecursionDepth = 8 };

    /// <summary>An agent's processes name its folder: in their command line, or as their working directory.</summary>
    public static IReadOnlyList<string> Processes(string home) =>
    [
        .. Directory.EnumerateDirectories("/proc").Where(folder => int.TryParse(Path.GetFileName(folder), out _)).Select(Describe)
            .Where(text => text.Contains($"{home}/agents", StringComparison.Ordinal)),
    ];

    public static IReadOnlyList<string> Folders(string home) => Names(Path.Combine(home, "agents"));

    public static IReadOnlyList<string> Sockets(string home) => Names(Path.Combine(home, "run"));

    /// <summary>The control groups of agents.</summary>
    public static IReadOnlyList<string> ControlGroups(IEnumerable<string> agentIds) => !Directory.Exists("/sys/fs/cgroup")
        ? []
        : [.. Directory.EnumerateDirectories("/sys/fs/cgroup", "*", Below).Select(Path.GetFileName).OfType<string>().Intersect(agentIds, StringComparer.Ordinal)];

    private static IReadOnlyList<string> Names(string folder) => [.. Directory.EnumerateFileSystemEntries(folder).Select(entry => Path.GetFileName(entry))];

    private static string Describe(string process)
    {
        try
        {
            return $"{Encoding.UTF8.GetString(File.ReadAllBytes($"{process}/cmdline"))} {new DirectoryInfo($"{process}/cwd").LinkTarget}";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return ""; // it has ended, or is another user's
        }
    }
}
