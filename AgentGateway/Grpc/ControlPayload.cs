using System.Text;
using System.Text.Json;
using AgentKernel.Rpc;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.AgentGateway.Grpc;

/// <summary>
/// What Control carries, as the agent sees it: a <c>google.protobuf.Struct</c> as plain JSON, any other type as
/// <c>{"type_url", "value"}</c> with the value in base64, both ways.
/// </summary>
internal static class ControlPayload
{
    /// <exception cref="RpcException">InvalidArgument, naming payload.</exception>
    public static ReadOnlyMemory<byte> ToJson(Any? payload)
    {
        if (payload is not { TypeUrl.Length: > 0 })
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, "payload must be set");
        }

        if (!payload.Is(Struct.Descriptor))
        {
            return Encoding.UTF8.GetBytes($$"""{"type_url":"{{JsonEncodedText.Encode(payload.TypeUrl)}}","value":"{{payload.Value.ToBase64()}}"}""");
        }

        try
        {
            return Encoding.UTF8.GetBytes(JsonFormatter.Default.Format(payload.Unpack<Struct>()));
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidOperationException)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, $"payload is not a google.protobuf.Struct: {e.Message}", e);
        }
    }

    /// <exception cref="RpcException">Unavailable: it is not a JSON object.</exception>
    public static Any FromJson(ReadOnlySpan<byte> json) => AgentJson.Read(json, ToAny);

    private static Any ToAny(JsonElement answer) =>
        answer.EnumerateObject().Count() == 2
        && answer.TryGetProperty("type_url", out var type) && type.ValueKind == JsonValueKind.String
        && answer.TryGetProperty("value", out var value) && value.ValueKind == JsonValueKind.String && value.TryGetBytesFromBase64(out var bytes)
            ? new() { TypeUrl = type.GetString(), Value = ByteString.CopyFrom(bytes) }
            : Any.Pack(AgentJson.ToStruct(answer));
}
