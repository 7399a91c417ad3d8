using System.Globalization;
using AgentKernel.ServiceDefaults;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Tests;

/// <summary>A data directory of one test. What a failed test leaves running there ends with it.</summary>
internal sealed class TemporaryHome : IDisposable
{
    private static readonly EnumerationOptions Reachable = new() { RecurseSubdirectories = true, IgnoreInaccessible = true, MaxRecursionDepth = 8 };

    private readonly string _root = System.IO.Directory.CreateTempSubdirectory("ak-spawner-").FullName;

    public TemporaryHome(int pathLength = 0)
    {
        var path = System.IO.Path.Combine(_root, "home");
        Directory = new DataDirectory(path.PadRight(pathLength, 'x'));
    }

    public DataDirectory Directory { get; }

    public string Path => Directory.Path;

    public string AgentFolder(string id) => Directory.Combine("agents", id);

    /// <summary>The folder that agents' sockets are in.</summary>
    public string SocketFolder => new FileInfo(Directory.Combine("run")).LinkTarget ?? Directory.Combine("run");

    /// <summary>Processes, folder, socket and control groups of an agent: all that it could leave behind.</summary>
    public IReadOnlyList<string> Leftovers(string id) =>
    [
        .. Processes(id).Select(process => $"process {process}: {Read(process, "cmdline").Replace('\0', ' ')}"),
        .. System.IO.Directory.Exists(SocketFolder) ? System.IO.Directory.EnumerateFileSystemEntries(SocketFolder, $"{id.Replace("-", "", StringComparison.Ordinal)[..12]}*") : [],
        .. ControlGroups(id),
        .. System.IO.Directory.Exists(AgentFolder(id)) ? [AgentFolder(id)] : Array.Empty<string>(),
    ];

    public void Dispose()
    {
        var agents = Directory.Combine("agents");
        foreach (var process in System.IO.Directory.Exists(agents)
            ? System.IO.Directory.EnumerateDirectories(agents).SelectMany(folder => Processes(System.IO.Path.GetFileName(folder)))
            : [])
        {
            _ = NativeMethods.Kill(int.Parse(System.IO.Path.GetFileName(process), CultureInfo.InvariantCulture), NativeMethods.SigKill);
        }

        if (SocketFolder != Directory.Combine("run"))
        {
            System.IO.Directory.Delete(SocketFolder, recursive: true);
        }

        System.IO.Directory.Delete(_root, recursive: true);
    }

    // Those of other kernels come and go meanwhile, which a search from the top passes over.
    private static IEnumerable<string> ControlGroups(string id) =>
        System.IO.Directory.Exists("/sys/fs/cgroup") ? System.IO.Directory.EnumerateDirectories("/sys/fs/cgroup", id, Reachable) : [];

    // Found without the kernel's own means, which the tests are to prove.
    private static IEnumerable<string> Processes(string id) =>
        System.IO.Directory.EnumerateDirectories("/proc").Where(process => Read(process, "environ").Contains(id, StringComparison.Ordinal));

    private static string Read(string process, string file)
    {
        try
        {
            return File.ReadAllText(System.IO.Path.Combine(process, file));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return ""; // it has ended, or is another user's, or no process
        }
    }
}
