using System.Text;
using System.Text.Json;
using AgentKernel.AgentRuntime.Configuration;

namespace AgentKernel.AgentRuntime.Conversation;

/// <summary>What a turn brings in: the messages behind the last answer that its document has, or plain text.</summary>
/// <param name="Text">All text of it.</param>
/// <param name="System">A system prompt for this turn alone; null for the agent's own.</param>
/// <param name="Messages">User messages in the vendor's JSON, copied; empty for plain text.</param>
/// <param name="HasMoreThanText">Whether the messages have content that <paramref name="Text"/> does not, an image for one.</param>
internal sealed record TurnInput(string Text, string? System, IReadOnlyList<JsonElement> Messages, TransportFormat Format, bool HasMoreThanText)
{
    /// <summary>The whole of it, as it came.</summary>
    public required string Body { get; init; }

    public static TurnInput Parse(string body, TransportFormat format)
    {
        if (!body.AsSpan().TrimStart().StartsWith("{"))
            return Plain(body, format);
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(body);
        }
        catch (JsonException)
        {
            // Text may begin with a brace, too.
            return Plain(body, format);
        }
        using (document)
            return TurnDocument.Read(document.RootElement, format) with { Body = body };
    }

    private static TurnInput Plain(string body, TransportFormat format) => string.IsNullOrWhiteSpace(body)
        ? throw new TurnInputException("body is empty")
        : new TurnInput(body, null, [], format, HasMoreThanText: false) { Body = body };
}

/// <summary>The body of a turn is not what the agent takes. The message names the field.</summary>
internal sealed class TurnInputException(string message) : Exception(message);
