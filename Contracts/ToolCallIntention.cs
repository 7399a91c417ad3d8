using System.Text.Json;
using System.Text.Json.Serialization;

namespace AgentKernel.Contracts;

/// <summary>
/// What an agent intends with a tool, as it stands in <c>Intention.string_intention</c>: one JSON object with the keys
/// <c>tool</c>, <c>arguments</c>, <c>tool_call_id</c>, <c>workspace</c>, <c>home</c>, <c>folder</c>.
/// </summary>
/// <param name="Tool">The tool's name.</param>
/// <param name="Arguments">Its arguments: a JSON object.</param>
/// <param name="ToolCallId">The model's id of the call, by which a replay finds it again.</param>
/// <param name="Workspace">The folder that is the agent's own; a full path.</param>
/// <param name="Home">The home of the user that it runs as; a full path.</param>
/// <param name="Folder">The folder that its shell is in at the moment; a full path.</param>
public sealed record ToolCallIntention(string Tool, JsonElement Arguments, string? ToolCallId = null, string? Workspace = null, string? Home = null, string? Folder = null)
{
    /// <summary>As it goes on the bus.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, IntentionJson.Default.ToolCallIntention);

    /// <summary>Reads one back; null where the text is none, such as an intention of another program's.</summary>
    public static ToolCallIntention? Parse(string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, IntentionJson.Default.ToolCallIntention) is { Tool.Length: > 0, Arguments.ValueKind: JsonValueKind.Object } call ? call : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ToolCallIntention))]
internal sealed partial class IntentionJson : JsonSerializerContext;
