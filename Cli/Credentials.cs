using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using AgentKernel.Client;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Cli;

/// <summary>
/// The nonces of the agents that were spawned from the command line: the file <c>credentials</c> in the data directory,
/// mode 0600, one JSON line for each. Commands that run at the same time take turns with it, by a lock on a file beside it.
/// </summary>
internal sealed class Credentials(DataDirectory home)
{
    private static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(10);

    private readonly string _path = home.Combine("credentials");

    /// <summary>The agents whose nonces are kept.</summary>
    public IReadOnlySet<string> AgentIds => Read().Select(line => line.AgentId).ToHashSet(StringComparer.Ordinal);

    /// <summary>The nonce of an agent; null where it was not spawned from here.</summary>
    public string? NonceOf(string agentId) => Read().LastOrDefault(line => line.AgentId == agentId)?.Nonce;

    /// <exception cref="IOException">The nonce could not be kept.</exception>
    public void Add(OwnedAgent agent) => Change(lines => lines.Append(new(agent.Id, agent.Nonce)));

    /// <summary>Forgets the nonces of agents that have ended.</summary>
    public void Remove(IReadOnlySet<string> agentIds)
    {
        if (AgentIds.Overlaps(agentIds))
        {
            Change(lines => lines.Where(line => !agentIds.Contains(line.AgentId)));
        }
    }

    private void Change(Func<IEnumerable<CredentialLine>, IEnumerable<CredentialLine>> change)
    {
        using var held = Lock();
        var content = new StringBuilder();
        foreach (var line in change(Read().ToList()))
        {
            content.Append(JsonSerializer.Serialize(line, CredentialsJson.Default.CredentialLine)).Append('\n');
        }

        DataDirectory.WriteAtomically(_path, Encoding.UTF8.GetBytes(content.ToString()));
    }

    private FileStream Lock()
    {
        for (var deadline = DateTime.UtcNow + LockTimeout; ; Thread.Sleep(LockPause))
        {
            try
            {
                return new FileStream($"{_path}.lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (DateTime.UtcNow < deadline)
            {
                // Another command is writing; that takes milliseconds.
            }
        }
    }

    private IEnumerable<CredentialLine> Read() => File.Exists(_path) ? File.ReadLines(_path).Select(Parse).OfType<CredentialLine>() : [];

    // A line that a full disk has cut short must not keep the others from being read.
    private static CredentialLine? Parse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, CredentialsJson.Default.CredentialLine);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

internal sealed record CredentialLine(
    [property: JsonPropertyName("agent_id")] string AgentId,
    [property: JsonPropertyName("nonce")] string Nonce);

[JsonSerializable(typeof(CredentialLine))]
internal sealed partial class CredentialsJson : JsonSerializerContext;
