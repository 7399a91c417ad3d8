namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>What of the host a sandbox sees: the system's programs, and the agent type's own under <c>/opt</c>.</summary>
internal static class SandboxRoot
{
    private const string DotNetRoot = "DOTNET_ROOT";

    // Folders of the root that hold programs and libraries; links into /usr on most machines.
    private static readonly string[] Folders = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

    // Nothing else of /etc: it holds passwords, keys and the names of others.
    private static readonly string[] Settings =
    [
        "/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs", "/etc/ssl/openssl.cnf",
        "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted", "/etc/ca-certificates", "/etc/localtime",
    ];

    private static readonly string[] NetworkSettings = ["/etc/resolv.conf"];

    /// <summary>The links and the read-only parts of the system.</summary>
    /// <param name="network">Also what programs need to use the machine's network.</param>
    public static (IReadOnlyList<Bind> Links, IReadOnlyList<Bind> ReadOnly) System(bool network)
    {
        var there = Folders.Where(Path.Exists).ToLookup(folder => new FileInfo(folder).LinkTarget is not null);
        return (
            [.. there[true].Select(folder => new Bind(new FileInfo(folder).LinkTarget!, folder))],
            [.. there[false].Append("/usr").Concat(Settings.Concat(network ? NetworkSettings : []).Where(Path.Exists)).Select(path => new Bind(path, path))]);
    }

    /// <summary>
    /// The command and the environment as seen from inside, and what must be bound for them: the folder of each file of
    /// the command that lies outside the system, or the file alone where its folder holds more than a program.
    /// </summary>
    public static (IReadOnlyList<string> Command, IReadOnlyDictionary<string, string> Environment, IReadOnlyList<Bind> Binds) Programs(
        IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment, string dataDirectory)
    {
        var binds = new List<Bind>();
        var inside = command.Select(word => Path.IsPathRooted(word) && File.Exists(word) && !IsOfSystem(Path.GetFullPath(word)) ? Moved(Path.GetFullPath(word)) : word).ToList();
        var variables = new Dictionary<string, string>(environment);
        if (environment.TryGetValue(DotNetRoot, out var dotNet) && !IsOfSystem(dotNet) && Directory.Exists(dotNet))
        {
            binds.Add(new(dotNet, "/opt/dotnet"));
            variables[DotNetRoot] = "/opt/dotnet";
        }

        return (inside, variables, binds);

        string Moved(string file)
        {
            var folder = Path.GetDirectoryName(file)!; // a file has a folder
            var source = HoldsMore(folder, dataDirectory) ? file : folder;
            var known = binds.Find(bind => bind.Source == source);
            if (known is null)
            {
                var target = $"/opt/agent{(binds.Count == 0 ? "" : binds.Count)}";
                binds.Add(known = new(source, source == file ? $"{target}/{Path.GetFileName(file)}" : target));
            }

            return source == file ? known.Target : $"{known.Target}/{Path.GetFileName(file)}";
        }
    }

    /// <summary>Whether a path lies in what every sandbox has of the system.</summary>
    public static bool IsOfSystem(string path) => Array.Exists([.. Folders, "/usr"], folder => Contains(folder, path));

    /// <summary>Whether a path is that of a folder or of something in it.</summary>
    public static bool Contains(string folder, string path) =>
        folder == "/" || path == folder || path.StartsWith(folder.TrimEnd('/') + '/', StringComparison.Ordinal);

    // A folder that people and programs keep other things in, or that holds such a one.
    private static bool HoldsMore(string folder, string dataDirectory)
    {
        string[] shared = [dataDirectory, Path.GetTempPath().TrimEnd('/'), Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), "/etc", "/home", "/root", "/var", "/run"];
        return Contains(dataDirectory, folder) || Array.Exists(shared, place => place.Length > 0 && Contains(folder, place));
    }
}
