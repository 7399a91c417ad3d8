using System.Text.Json;
using AgentKernel.Contracts.V1;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.AgentGateway.Grpc;

/// <summary>An agent's history as messages.</summary>
internal static class History
{
    /// <exception cref="Rpc.RpcException">Unavailable: it is not a history.</exception>
    public static GetHistoryResponse FromJson(ReadOnlySpan<byte> json) => AgentJson.Read(json, ToResponse);

    private static GetHistoryResponse ToResponse(JsonElement history)
    {
        if (!history.TryGetProperty("entries", out var entries) || entries.ValueKind != JsonValueKind.Array)
        {
            throw AgentJson.NotAnObject(null);
        }

        var response = new GetHistoryResponse();
        foreach (var entry in entries.EnumerateArray())
        {
            response.Entries.Add(ToEntry(entry));
        }

        return response;
    }

    private static HistoryEntry ToEntry(JsonElement entry)
    {
        if (entry.ValueKind != JsonValueKind.Object)
        {
            throw AgentJson.NotAnObject(null);
        }

        var result = new HistoryEntry { Role = Text(entry, "role"), Content = Text(entry, "content") };
        if (entry.TryGetProperty("time", out var time) && time.ValueKind == JsonValueKind.String && time.TryGetDateTimeOffset(out var at))
        {
            result.Time = at.ToTimestamp();
        }

        return result;
    }

    // Content in blocks, as the vendors have it, stays JSON.
    private static string Text(JsonElement entry, string name) => !entry.TryGetProperty(name, out var value) ? "" : value.ValueKind switch
    {
        JsonValueKind.String => value.GetString() ?? "",
        JsonValueKind.Null => "",
        _ => value.GetRawText(),
    };
}
