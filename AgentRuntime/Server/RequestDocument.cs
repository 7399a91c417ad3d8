using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.AgentRuntime.Server;

/// <summary>A request's JSON object, read within limits; every complaint names the field.</summary>
internal sealed class RequestDocument : IDisposable
{
    /// <summary>What a turn's body may have, in bytes of UTF-8, before it is written as a JSON string.</summary>
    public const int MaxTurnBody = 16 * 1024 * 1024;

    // In JSON, text has up to twice its length where quotes and backslashes abound.
    private const int MaxRequest = 2 * MaxTurnBody + 64 * 1024;

    private readonly JsonDocument _document;

    private RequestDocument(JsonDocument document) => _document = document;

    /// <summary>Reads the body; an empty one counts as <c>{}</c>.</summary>
    public static async Task<RequestDocument> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var bytes = await ReadBytesAsync(request, cancellationToken);
        if (bytes.Length == 0)
            return new RequestDocument(JsonDocument.Parse("{}"));
        if (!Utf8.IsValid(bytes.Span))
            throw new RequestException(StatusCodes.Status400BadRequest, "the request is not valid UTF-8");
        try
        {
            var document = JsonDocument.Parse(bytes);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return new RequestDocument(document);
            document.Dispose();
        }
        catch (JsonException e)
        {
            throw new RequestException(StatusCodes.Status400BadRequest,
                $"the request is not JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1})");
        }
        throw new RequestException(StatusCodes.Status400BadRequest, "the request must be a JSON object");
    }

    /// <summary>A string field; null when it is missing.</summary>
    public string? Text(string field)
    {
        if (!_document.RootElement.TryGetProperty(field, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        if (value.ValueKind != JsonValueKind.String)
            throw new RequestException(StatusCodes.Status400BadRequest, $"{field} must be a string");
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            throw new RequestException(StatusCodes.Status400BadRequest, $"{field} is not valid Unicode");
        }
    }

    public string RequiredText(string field) =>
        Text(field) ?? throw new RequestException(StatusCodes.Status400BadRequest, $"{field} is missing");

    /// <summary>A count; null when it is missing. 5.0 is one: numbers from a protobuf Struct are doubles.</summary>
    public int? Count(string field)
    {
        if (!_document.RootElement.TryGetProperty(field, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number)
            && number == Math.Floor(number) && number is >= 0 and <= int.MaxValue
            ? (int)number
            : throw new RequestException(StatusCodes.Status400BadRequest, $"{field} must be a whole number from 0 on");
    }

    /// <summary>Refuses a token that is not the agent's, in a time that tells nothing of how it differs.</summary>
    public static void Authorize(string? presented, string token)
    {
        if (presented is null)
            throw new RequestException(StatusCodes.Status403Forbidden, "the nonce is missing");
        // Only the length shows, which is the same for every agent's token.
        if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(presented), Encoding.UTF8.GetBytes(token)))
            throw new RequestException(StatusCodes.Status403Forbidden, "the nonce is wrong");
    }

    public void Dispose() => _document.Dispose();

    private static async Task<ReadOnlyMemory<byte>> ReadBytesAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.ContentLength > MaxRequest)
            throw TooLarge();
        var buffer = new ArrayBufferWriter<byte>((int)(request.ContentLength ?? 4_096) + 1);
        while (await request.Body.ReadAsync(buffer.GetMemory(), cancellationToken) is > 0 and var read)
        {
            buffer.Advance(read);
            if (buffer.WrittenCount > MaxRequest)
                throw TooLarge();
        }
        return buffer.WrittenMemory;
    }

    public static RequestException TooLarge() =>
        new(StatusCodes.Status413PayloadTooLarge, $"the body is larger than {MaxTurnBody} bytes (16 MiB)");
}
