using AgentKernel.ServiceDefaults;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Tests;

/// <summary>A data directory of one test. What a failed test leaves running there ends with it.</summary>
internal sealed class TemporaryHome : IDisposable
{
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

    /// <summary>Processes, folder and socket of an agent: all that it could leave behind.</summary>
    public IReadOnlyList<string> Leftovers(string id) =>
    [
        .. new ProcessTree(session: 0, id).Members().Select(pid => $"process {pid}: {CommandLine(pid)}"),
        .. System.IO.Directory.Exists(SocketFolder) ? System.IO.Directory.EnumerateFiles(SocketFolder, $"{id.Replace("-", "", StringComparison.Ordinal)[..12]}*") : [],
        .. System.IO.Directory.Exists(AgentFolder(id)) ? [AgentFolder(id)] : Array.Empty<string>(),
    ];

    public void Dispose()
    {
        var agents = Directory.Combine("agents");
        foreach (var pid in System.IO.Directory.Exists(agents)
            ? System.IO.Directory.EnumerateDirectories(agents).SelectMany(folder => new ProcessTree(session: 0, System.IO.Path.GetFileName(folder)).Members())
            : [])
        {
            _ = NativeMethods.Kill(pid, NativeMethods.SigKill);
        }

        if (SocketFolder != Directory.Combine("run"))
        {
            System.IO.Directory.Delete(SocketFolder, recursive: true);
        }

        System.IO.Directory.Delete(_root, recursive: true);
    }

    private static string CommandLine(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").Replace('\0', ' ');
        }
        catch (IOException)
        {
            return "gone";
        }
    }
}
