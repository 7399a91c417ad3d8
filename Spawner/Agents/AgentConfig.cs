using System.Text.Json;
using System.Text.Json.Nodes;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Spawner.Agents;

/// <summary>The document that an agent's program is started with: the kernel's keys, and spawn_info as it was sent.</summary>
internal static class AgentConfig
{
    // Keys that the kernel writes, or that would change whom the agent trusts.
    private static readonly HashSet<string> KernelKeys =
    [
        "agent_id", "nonce", "name", "agent_type", "http_port", "unix_socket", "image_path", "transport_format",
        "model_access", "agentbus_url", "agentbus_id", "agentbus_token", "disable_safety", "spawn_info",
    ];

    // Any key whose name ends so holds a secret, whatever the agent type.
    private static readonly string[] SecretEndings = ["key", "token", "secret", "password", "credential", "nonce"];

    /// <summary>
    /// Builds the document, complete but for where to listen. The kernel looks into spawn_info only where it holds a
    /// <c>google.protobuf.Struct</c>, whose fields become plain keys.
    /// </summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: spawn_info is malformed or sets a key of the kernel's.</exception>
    public static JsonObject Build(AgentRecord record, SpawnAgentRequest request)
    {
        var config = request.SpawnInfo is { } spawnInfo ? ReadSpawnInfo(spawnInfo) : [];
        config["agent_id"] = record.Id;
        config["nonce"] = record.ChannelToken;
        config["name"] = record.Name;
        config["agent_type"] = record.AgentType;
        config["transport_format"] = record.TransportFormat;
        if (request.ModelAccess is { } access)
        {
            config["model_access"] = new JsonObject { ["provider"] = access.Provider, ["endpoint"] = access.Endpoint, ["credential"] = access.Credential };
        }

        if (record.Bus is { } bus)
        {
            config["agentbus_url"] = bus.Url;
            config["agentbus_id"] = bus.BusId;
            config["disable_safety"] = bus.DisableSafety;
            if (bus.Token is not null)
            {
                config["agentbus_token"] = bus.Token;
            }
        }

        return config;
    }

    /// <summary>The values in a config document that must never be shown.</summary>
    public static IEnumerable<string> Secrets(JsonNode? node) => node switch
    {
        JsonObject fields => fields.SelectMany(field => field.Value is JsonValue value && value.GetValueKind() is JsonValueKind.String && IsSecret(field.Key)
            ? [value.GetValue<string>()]
            : Secrets(field.Value)),
        JsonArray items => items.SelectMany(Secrets),
        _ => [],
    };

    /// <summary>Whether a key or variable of this name holds a secret.</summary>
    public static bool IsSecret(string key) => Array.Exists(SecretEndings, ending => key.EndsWith(ending, StringComparison.OrdinalIgnoreCase));

    private static JsonObject ReadSpawnInfo(Any spawnInfo)
    {
        if (!spawnInfo.Is(Struct.Descriptor))
        {
            if (spawnInfo.TypeUrl.Length == 0)
            {
                throw new RpcException(RpcStatusCode.InvalidArgument, "spawn_info.type_url is missing");
            }

            return new JsonObject { ["spawn_info"] = new JsonObject { ["type_url"] = spawnInfo.TypeUrl, ["value"] = spawnInfo.Value.ToBase64() } };
        }

        Struct fields;
        try
        {
            fields = spawnInfo.Unpack<Struct>();
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, "spawn_info.value is not a google.protobuf.Struct, as its type_url says", exception);
        }

        if (fields.Fields.Keys.FirstOrDefault(KernelKeys.Contains) is { } owned)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, $"spawn_info.{owned} is set by the kernel alone");
        }

        try
        {
            return JsonNode.Parse(JsonFormatter.Default.Format(fields))!.AsObject(); // a Struct is an object
        }
        catch (Exception exception) when (exception is InvalidOperationException or JsonException)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, $"spawn_info cannot be written as JSON: {exception.Message}", exception);
        }
    }
}
