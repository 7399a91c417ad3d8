using System.Text.Json;
using AgentKernel.Rpc;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.AgentGateway.Grpc;

/// <summary>JSON of an agent as protobuf's own form of it.</summary>
internal static class AgentJson
{
    /// <exception cref="RpcException">Unavailable: it is not a JSON object.</exception>
    public static Struct ToStruct(ReadOnlySpan<byte> json) => Read(json, ToStruct);

    /// <summary>Makes something of an object; it is not valid afterwards.</summary>
    /// <exception cref="RpcException">Unavailable: it is not a JSON object, or a string in it is no text.</exception>
    public static T Read<T>(ReadOnlySpan<byte> json, Func<JsonElement, T> read)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            return document.RootElement.ValueKind == JsonValueKind.Object ? read(document.RootElement) : throw NotAnObject(null);
        }
        // InvalidOperationException: half of a surrogate pair, which JSON can escape and which is no text.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw NotAnObject(e);
        }
    }

    public static Struct ToStruct(JsonElement element)
    {
        var result = new Struct();
        foreach (var property in element.EnumerateObject())
        {
            result.Fields[property.Name] = ToValue(property.Value);
        }

        return result;
    }

    public static RpcException NotAnObject(Exception? innerException) =>
        new(RpcStatusCode.Unavailable, "the agent's answer is not the JSON object that was expected", innerException);

    private static Value ToValue(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => Value.ForStruct(ToStruct(element)),
        JsonValueKind.Array => new() { ListValue = new() { Values = { element.EnumerateArray().Select(ToValue) } } },
        JsonValueKind.String => Value.ForString(element.GetString()),
        JsonValueKind.Number => Value.ForNumber(element.GetDouble()),
        JsonValueKind.True or JsonValueKind.False => Value.ForBool(element.GetBoolean()),
        _ => Value.ForNull(),
    };
}
