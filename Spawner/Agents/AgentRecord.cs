using System.Text.Json;
using System.Text.Json.Serialization;
using AgentKernel.Contracts.V1;
using AgentKernel.Spawner.Buses;
using AgentKernel.Spawner.Teams;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Spawner.Agents;

/// <summary>What is kept of an agent; each change makes a new record with a later revision.</summary>
internal sealed record AgentRecord
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string TeamId { get; init; }

    public required string AgentType { get; init; }

    public required string Backend { get; init; }

    public string ImageId { get; init; } = "";

    public required string TransportFormat { get; init; }

    /// <summary>Its place on a bus; null where it has none.</summary>
    public BusSeat? Bus { get; init; }

    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    public required ResourceAmounts Resources { get; init; }

    /// <summary>SHA-256 of the owner's nonce: the nonce itself is nowhere.</summary>
    public required byte[] NonceHash { get; init; }

    /// <summary>What the agent asks for of whoever speaks to it: the gateway.</summary>
    public required string ChannelToken { get; init; }

    public AgentState State { get; init; } = AgentState.Starting;

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Whether and how it is started anew when it fails; null: it is not.</summary>
    public RestartRule? Restart { get; init; }

    /// <summary>How often that has been done.</summary>
    public int Restarts { get; init; }

    /// <summary>How long it may be without a turn.</summary>
    public TimeSpan? IdleTimeout { get; init; }

    /// <summary>How long it may live from when it was first ready.</summary>
    public TimeSpan? MaxLifetime { get; init; }

    public DateTimeOffset? ReadyAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    public AgentExitRecord? Exit { get; init; }

    public long Revision { get; init; }

    /// <summary>What the backend needs to find the agent again.</summary>
    public JsonElement? BackendState { get; init; }

    [JsonIgnore]
    public bool HasEnded => State is AgentState.Stopped or AgentState.Failed;

    /// <summary>The record as callers see it: without hash and tokens.</summary>
    public Agent ToMessage(IReadOnlyDictionary<string, string>? liveStatus)
    {
        var agent = new Agent
        {
            Id = Id,
            Name = Name,
            TeamId = TeamId,
            AgentType = AgentType,
            Backend = Backend,
            ImageId = ImageId,
            TransportFormat = TransportFormat,
            State = State,
            Resources = Resources.ToMessage(),
            CreatedAt = CreatedAt.ToTimestamp(),
            ReadyAt = ReadyAt?.ToTimestamp(),
            EndedAt = EndedAt?.ToTimestamp(),
            Exit = Exit?.ToMessage(),
            Live = liveStatus is not null,
            Revision = Revision,
            Restarts = Restarts,
            Agentbus = Bus is null ? null : new() { Url = Bus.Url, DisableSafety = Bus.DisableSafety },
        };
        agent.Metadata.Add(Metadata.ToDictionary());
        agent.BackendStatus.Add((liveStatus ?? new Dictionary<string, string>()).ToDictionary());
        return agent;
    }
}

/// <summary>How an agent ended, as it is kept.</summary>
internal sealed record AgentExitRecord(int? Code, int? Signal, string Reason, string OutputTail)
{
    public AgentExit ToMessage()
    {
        var exit = new AgentExit { Reason = Reason, OutputTail = OutputTail };
        if (Code is { } code)
        {
            exit.Code = code;
        }
        else if (Signal is { } signal)
        {
            exit.Signal = signal;
        }

        return exit;
    }
}

[JsonSourceGenerationOptions(UseStringEnumConverter = true)]
[JsonSerializable(typeof(AgentRecord))]
[JsonSerializable(typeof(TeamRecord))]
[JsonSerializable(typeof(IReadOnlyList<string>))]
internal sealed partial class RecordJson : JsonSerializerContext;
