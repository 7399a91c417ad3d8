using System.Text.Json;
using System.Text.Json.Serialization;
using AgentKernel.Client;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Cli;

/// <summary>
/// The nonces of the agents that were spawned from the command line: the file <c>credentials</c> in the data directory,
/// mode 0600, one JSON line for each agent spawned. Lines are only ever appended, so that commands which run at the
/// same time cannot lose each other's.
/// </summary>
internal sealed class Credentials(DataDirectory home)
{
    private readonly string _path = home.Combine("credentials");

    public void Add(OwnedAgent agent) => Append(new(agent.Id, agent.Nonce));

    /// <summary>Forgets the nonce of an agent that has ended.</summary>
    public void Remove(string agentId)
    {
        if (NonceOf(agentId) is not null)
        {
            Append(new(agentId, null));
        }
    }

    /// <summary>The nonce of an agent; null where it was not spawned from here.</summary>
    public string? NonceOf(string agentId) => Read().LastOrDefault(line => line.AgentId == agentId)?.Nonce;

    /// <summary>Drops all but the nonces of these agents. For the start of a kernel, when no other command is at work.</summary>
    public void Keep(IReadOnlySet<string> agentIds)
    {
        var kept = Read().Where(line => line.Nonce is not null && agentIds.Contains(line.AgentId)).ToList();
        if (File.Exists(_path))
        {
            DataDirectory.WriteAtomically(_path, [.. kept.SelectMany(ToBytes)]);
        }
    }

    private void Append(CredentialLine line)
    {
        using var file = new FileStream(_path, new FileStreamOptions
        {
            Mode = FileMode.Append,
            Access = FileAccess.Write,
            Share = FileShare.ReadWrite,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            BufferSize = 0, // one write, one line
        });
        file.Write(ToBytes(line));
    }

    private IEnumerable<CredentialLine> Read() => File.Exists(_path)
        ? File.ReadLines(_path).Select(line => JsonSerializer.Deserialize(line, CredentialsJson.Default.CredentialLine)).OfType<CredentialLine>()
        : [];

    private static byte[] ToBytes(CredentialLine line) => [.. JsonSerializer.SerializeToUtf8Bytes(line, CredentialsJson.Default.CredentialLine), (byte)'\n'];
}

/// <param name="Nonce">Null: the agent has ended.</param>
internal sealed record CredentialLine(
    [property: JsonPropertyName("agent_id")] string AgentId,
    [property: JsonPropertyName("nonce")] string? Nonce);

[JsonSerializable(typeof(CredentialLine))]
internal sealed partial class CredentialsJson : JsonSerializerContext;
