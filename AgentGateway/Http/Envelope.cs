using System.Text.Json;
using System.Text.Unicode;
using AgentKernel.Rpc;

namespace AgentKernel.AgentGateway.Http;

/// <summary>
/// A request's JSON object. What belongs to the agent (<c>body</c>, <c>payload</c>) is left as the bytes that came;
/// only its kind and its encoding are looked at.
/// </summary>
internal readonly struct Envelope
{
    private static readonly JsonReaderOptions Options = new() { MaxDepth = 512 };

    public string AgentId { get; private init; }

    /// <summary>The nonce as a field; null: there is none, and it may come as a header.</summary>
    public string? Nonce { get; private init; }

    /// <summary>The raw value of <c>body</c> or <c>payload</c>.</summary>
    public ReadOnlyMemory<byte> Content { get; private init; }

    public int? LastN { get; private init; }

    /// <summary>Reads the envelope of a turn: <c>body</c> is a string.</summary>
    public static Envelope OfTurn(ReadOnlyMemory<byte> json) => Read(json, "body", JsonTokenType.String, lastN: false);

    /// <summary>Reads the envelope of an operation: <c>payload</c> is an object.</summary>
    public static Envelope OfControl(ReadOnlyMemory<byte> json) => Read(json, "payload", JsonTokenType.StartObject, lastN: false);

    /// <summary>Reads the envelope of a history request, with <c>last_n</c> or without.</summary>
    public static Envelope OfHistory(ReadOnlyMemory<byte> json) => Read(json, null, JsonTokenType.None, lastN: true);

    /// <summary>Reads an envelope of id and nonce alone.</summary>
    public static Envelope Of(ReadOnlyMemory<byte> json) => Read(json, null, JsonTokenType.None, lastN: false);

    private static Envelope Read(ReadOnlyMemory<byte> json, string? contentField, JsonTokenType contentType, bool lastN)
    {
        try
        {
            return ReadObject(json, contentField, contentType, lastN);
        }
        catch (JsonException e)
        {
            throw Invalid($"the request is not valid JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1})", e);
        }
        catch (InvalidOperationException e)
        {
            throw Invalid("the request has a string that is no text: half of a surrogate pair", e);
        }
    }

    private static Envelope ReadObject(ReadOnlyMemory<byte> json, string? contentField, JsonTokenType contentType, bool lastNAllowed)
    {
        var reader = new Utf8JsonReader(json.Span, Options);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Invalid("the request must be a JSON object");
        }

        string? agentId = null, nonce = null;
        ReadOnlyMemory<byte>? content = null;
        int? lastN = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("agent_id"u8))
            {
                agentId = ReadText(ref reader, "agent_id", agentId is not null);
            }
            else if (reader.ValueTextEquals("nonce"u8))
            {
                nonce = ReadText(ref reader, "nonce", nonce is not null);
            }
            else if (contentField is not null && reader.ValueTextEquals(contentField))
            {
                content = ReadRaw(ref reader, json, contentField, contentType, content is not null);
            }
            else if (lastNAllowed && reader.ValueTextEquals("last_n"u8))
            {
                lastN = ReadCount(ref reader, "last_n", lastN is not null);
            }
            else
            {
                throw Invalid(Utf8.IsValid(reader.ValueSpan) && reader.ValueSpan.Length <= 64
                    ? $"there is no field {JsonEncodedText.Encode(reader.ValueSpan)} in this request"
                    : "the request has a field that does not exist");
            }
        }

        while (reader.Read())
        {
            // To the end: what follows the object makes the request malformed.
        }

        return new()
        {
            AgentId = agentId is { Length: > 0 } ? agentId : throw Invalid("agent_id must be set"),
            Nonce = nonce,
            Content = content ?? (contentField is null ? default : throw Invalid($"{contentField} must be set")),
            LastN = lastN,
        };
    }

    private static void Next(ref Utf8JsonReader reader, string field, bool again)
    {
        if (again)
        {
            throw Invalid($"{field} is there twice");
        }

        reader.Read();
    }

    private static string ReadText(ref Utf8JsonReader reader, string field, bool again)
    {
        Next(ref reader, field, again);
        if (reader.TokenType != JsonTokenType.String)
        {
            throw Invalid($"{field} must be a string");
        }

        try
        {
            return reader.GetString()!; // a string token has a value
        }
        catch (InvalidOperationException e)
        {
            throw Invalid($"{field} is not valid UTF-8", e);
        }
    }

    private static ReadOnlyMemory<byte> ReadRaw(ref Utf8JsonReader reader, ReadOnlyMemory<byte> json, string field, JsonTokenType type, bool again)
    {
        Next(ref reader, field, again);
        if (reader.TokenType != type)
        {
            throw Invalid($"{field} must be {(type == JsonTokenType.String ? "a string" : "an object")}");
        }

        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        var raw = json[start..(int)reader.BytesConsumed];
        return Utf8.IsValid(raw.Span) ? raw : throw Invalid($"{field} is not valid UTF-8");
    }

    private static int ReadCount(ref Utf8JsonReader reader, string field, bool again)
    {
        Next(ref reader, field, again);
        return reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var count) && count >= 0
            ? count
            : throw Invalid($"{field} must be a whole number from 0 to {int.MaxValue}");
    }

    private static RpcException Invalid(string message, Exception? innerException = null) =>
        new(RpcStatusCode.InvalidArgument, message, innerException);
}
