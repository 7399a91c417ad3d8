using System.Buffers;
using System.Text.Json;
using AgentKernel.Contracts.OpenClaw.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.AgentRuntime.Configuration;

/// <summary>
/// The agent's own keys where they came as a packed message: <c>spawn_info: {"type_url","value"}</c>.
/// Loaded only then, so that agents with plain keys start without protobuf.
/// </summary>
internal static class SpawnInfo
{
    /// <summary>The same keys as a JSON object, in the spelling that plain keys have.</summary>
    public static JsonDocument Unpack(ConfigKeys section)
    {
        var typeUrl = section.RequiredText("type_url");
        var typeName = typeUrl[(typeUrl.LastIndexOf('/') + 1)..];
        try
        {
            var value = Convert.FromBase64String(section.Text("value") ?? "");
            return typeName switch
            {
                "agentkernel.openclaw.v1.OpenClawSpawnInfo" => ToJson(OpenClawSpawnInfo.Parser.ParseFrom(value)),
                "google.protobuf.Struct" => ConfigFile.Parse(
                    System.Text.Encoding.UTF8.GetBytes(JsonFormatter.Default.Format(Struct.Parser.ParseFrom(value))), "spawn_info"),
                _ => throw new ConfigException(
                    $"config key 'spawn_info.type_url' is '{typeUrl}'; allowed: agentkernel.openclaw.v1.OpenClawSpawnInfo, google.protobuf.Struct"),
            };
        }
        catch (FormatException)
        {
            throw new ConfigException("config key 'spawn_info.value' must be base64");
        }
        catch (InvalidProtocolBufferException)
        {
            throw new ConfigException($"config key 'spawn_info.value' is not a {typeName}");
        }
    }

    // By hand, field by field: protobuf's own JSON formatter loads the descriptors, which costs more than the whole start.
    private static JsonDocument ToJson(OpenClawSpawnInfo info)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("system_prompt", info.SystemPrompt);
            json.WriteString("model", info.Model);
            json.WriteString("provider", info.Provider);
            // An empty list of this message is an unset one; as a plain key it would mean no tools.
            if (info.Tools.Count > 0)
            {
                json.WriteStartArray("tools");
                foreach (var tool in info.Tools)
                    json.WriteStringValue(tool);
                json.WriteEndArray();
            }
            json.WriteString("thinking_level", info.ThinkingLevel);
            json.WriteString("api_key", info.ApiKey);
            json.WriteString("base_url", info.BaseUrl);
            json.WriteNumber("max_steps", info.MaxSteps);
            json.WriteBoolean("no_tools", info.NoTools);
            json.WriteEndObject();
        }
        return JsonDocument.Parse(buffer.WrittenMemory);
    }
}
