using System.Text.Json;
using AgentKernel.Contracts.V1;
using AgentKernel.ServiceDefaults;
using Google.Protobuf;

namespace AgentKernel.Spawner.Agents;

/// <summary>The agents' folders under the data directory, one each, with the agent's record in it.</summary>
internal sealed class AgentStore
{
    private const string RecordFile = "record.json";
    private const string ConfigFile = "config.json";
    private const string RequestFile = "request.bin";

    private readonly string _root;

    public AgentStore(LockedDataDirectory home)
    {
        _root = home.Combine("agents");
        DataDirectory.CreateFolder(_root);
    }

    /// <summary>The folder of an agent.</summary>
    public string FolderOf(string agentId) => Path.Combine(_root, agentId);

    /// <summary>Makes the folder of an agent.</summary>
    public void CreateFolder(string agentId) => DataDirectory.CreateFolder(FolderOf(agentId));

    /// <summary>Keeps a record, in place of an earlier one. Makes the agent's folder where it is missing.</summary>
    public void Save(AgentRecord record)
    {
        CreateFolder(record.Id);
        DataDirectory.WriteAtomically(Path.Combine(FolderOf(record.Id), RecordFile), JsonSerializer.SerializeToUtf8Bytes(record, RecordJson.Default.AgentRecord), durable: true);
    }

    /// <summary>All that is kept: the record of each agent's folder, null where there is none to be read.</summary>
    public IReadOnlyList<(string AgentId, AgentRecord? Record)> Load() =>
    [
        .. Directory.EnumerateDirectories(_root).Where(folder => Guid.TryParseExact(Path.GetFileName(folder), "D", out _))
            .Select(folder => (Path.GetFileName(folder), Read(Path.Combine(folder, RecordFile)))),
    ];

    /// <summary>Removes an agent's folder and all in it.</summary>
    public void Remove(string agentId) => RemoveTree(FolderOf(agentId));

    /// <summary>Removes what an ended agent no longer needs: its workspace and its configuration. Record and log stay.</summary>
    public void RemoveWorkspace(string agentId)
    {
        RemoveTree(Path.Combine(FolderOf(agentId), "workspace"));
        File.Delete(Path.Combine(FolderOf(agentId), ConfigFile));
        File.Delete(Path.Combine(FolderOf(agentId), RequestFile));
    }

    /// <summary>
    /// Keeps what an agent was asked for with, for restarts of it and of the kernel. Like the configuration, the file may
    /// hold keys and is its owner's alone.
    /// </summary>
    public void SaveRequest(string agentId, SpawnAgentRequest request) =>
        DataDirectory.WriteAtomically(Path.Combine(FolderOf(agentId), RequestFile), request.ToByteArray());

    /// <summary>What <see cref="SaveRequest"/> kept; null where it is gone or was spoilt.</summary>
    public SpawnAgentRequest? ReadRequest(string agentId)
    {
        try
        {
            return SpawnAgentRequest.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(FolderOf(agentId), RequestFile)));
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException or InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private static AgentRecord? Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), RecordJson.Default.AgentRecord);
        }
        catch (Exception exception) when (exception is FileNotFoundException or UnauthorizedAccessException or JsonException)
        {
            return null; // any other failure is the machine's, and no reason to give the agent up
        }
    }

    private static void RemoveTree(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (UnauthorizedAccessException)
        {
            // An agent may take its own rights away from what it leaves behind.
            foreach (var inner in Directory.EnumerateDirectories(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint }).Prepend(folder))
            {
                File.SetUnixFileMode(inner, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }

            Directory.Delete(folder, recursive: true);
        }
    }
}
