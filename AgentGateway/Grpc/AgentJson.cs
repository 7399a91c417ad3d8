using System.Text.Json;
using AgentKernel.Rpc;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.AgentGateway.Grpc;

/// <summary>JSON of an agent as protobuf's own form of it.</summary>
internal static class AgentJson
{
    /// <exception cref="RpcException">Unavailable: it is not a JSON object.</exception>
    public static Struct ToStruct(ReadOnlySpan<byte> json)
    {
        using var document = Parse(json);
        return ToStruct(document.RootElement);
    }

    /// <exception cref="RpcException">Unavailable: it is not a JSON object.</exception>
    public static JsonDocument Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            var document = JsonDocument.ParseValue(ref reader);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return document;
            }

            document.Dispose();
        }
        catch (JsonException e)
        {
            throw NotAnObject(e);
        }

        throw NotAnObject(null);
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
