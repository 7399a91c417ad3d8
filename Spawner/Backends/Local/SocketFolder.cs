using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Backends.Local;

/// <summary>
/// The folder of the agents' sockets: <c>run</c> in the data directory. The address of a unix socket has at most 107
/// bytes (unix(7)), so where the data directory's own path is too long, <c>run</c> is a link to a private folder under
/// the system's temporary one, made once.
/// </summary>
internal sealed class SocketFolder
{
    private const int MaxAddressBytes = 107;
    private const int IdLength = 12; // of an agent's random id: 48 bits keep 10,000 agents apart
    private static readonly int LongestName = IdLength + ".notify".Length + 1; // or "/notify", in a folder of the agent's own

    private readonly string _path;

    public SocketFolder(string dataDirectory)
    {
        var preferred = Path.Combine(dataDirectory, "run");
        if (System.Text.Encoding.UTF8.GetByteCount(preferred) + LongestName <= MaxAddressBytes)
        {
            ServiceDefaults.DataDirectory.CreateFolder(preferred);
            _path = preferred;
            return;
        }

        var link = new FileInfo(preferred);
        if (link.LinkTarget is { } target && PrivateFolder.IsAt(target))
        {
            _path = target;
            return;
        }

        File.Delete(preferred); // a link that leads nowhere, as the temporary folder was cleaned out, or to what another user has put there since
        _path = Directory.CreateTempSubdirectory("agentkernel-").FullName; // mode 0700
        File.CreateSymbolicLink(preferred, _path);
    }

    /// <summary>Where an agent listens.</summary>
    public string Socket(string agentId) => Named(agentId, ".sock");

    /// <summary>Where a starting agent says that it is ready.</summary>
    public string Notification(string agentId) => Named(agentId, ".notify");

    /// <summary>A folder for an agent whose sockets lie apart from those of others. Names in it have at most six letters.</summary>
    public string Own(string agentId) => Named(agentId, "");

    /// <summary>A folder for the sockets that an agent is served on. Names in it have at most two letters.</summary>
    public string Served(string agentId) => Named(agentId, ".net");

    /// <summary>What lies here of agents that are none of the known.</summary>
    public IReadOnlyList<string> Strays(IEnumerable<string> known)
    {
        var names = known.Where(id => id.Length > IdLength).Select(Short).ToHashSet(StringComparer.Ordinal);
        return [.. Directory.EnumerateFileSystemEntries(_path).Where(entry =>
        {
            var name = Path.GetFileName(entry);
            return name.Length >= IdLength && name[..IdLength].All(char.IsAsciiHexDigit) && !names.Contains(name[..IdLength]);
        })];
    }

    private string Named(string agentId, string suffix) => Path.Combine(_path, Short(agentId) + suffix);

    private static string Short(string agentId) => agentId.Replace("-", "", StringComparison.Ordinal)[..IdLength];
}
