using System.Text;
using System.Text.Json;
using AgentKernel.AgentRuntime.Configuration;

namespace AgentKernel.AgentRuntime.Conversation;

/// <summary>
/// Reads <c>{"messages":[…],"system"?}</c> in either vendor's form. A client that keeps the conversation
/// sends all of it each time; the agent has the past itself, so only what follows the last answer is new.
/// </summary>
internal static class TurnDocument
{
    public static TurnInput Read(JsonElement document, TransportFormat format)
    {
        if (!document.TryGetProperty("messages", out var messages) || messages.ValueKind != JsonValueKind.Array)
            throw new TurnInputException("body.messages is missing or not a list");
        var system = new StringBuilder();
        if (document.TryGetProperty("system", out var prompt) && prompt.ValueKind != JsonValueKind.Null)
            ReadContent(prompt, "body.system", system, out _);

        var roles = new List<string>();
        foreach (var message in messages.EnumerateArray())
            roles.Add(Role(message, $"body.messages[{roles.Count}]"));
        var past = roles.LastIndexOf("assistant");

        var fresh = new List<JsonElement>();
        var text = new StringBuilder();
        var more = false;
        var index = -1;
        foreach (var message in messages.EnumerateArray())
        {
            var at = $"body.messages[{++index}]";
            switch (roles[index])
            {
                case "system" or "developer":
                    ReadContent(Content(message, at), $"{at}.content", system, out _);
                    break;
                case "user" when index > past:
                    ReadContent(Content(message, at), $"{at}.content", text, out var hasMore);
                    fresh.Add(message.Clone());
                    more |= hasMore;
                    break;
                case "tool" when index > past:
                    throw new TurnInputException($"{at} answers a tool call, but the agent runs its tools itself");
                case "user" or "assistant" or "tool":
                    break;
                case var role:
                    throw new TurnInputException($"{at}.role is '{role}'; allowed: user, assistant, system, developer, tool");
            }
        }
        if (fresh.Count == 0)
            throw new TurnInputException("body.messages has no user message after the last assistant message");
        if (!more && string.IsNullOrWhiteSpace(text.ToString()))
            throw new TurnInputException("body.messages has no content in its last user message");
        return new TurnInput(text.ToString(), system.Length > 0 ? system.ToString() : null, fresh, format, more) { Body = "" };
    }

    private static string Role(JsonElement message, string at) =>
        message.ValueKind == JsonValueKind.Object && message.TryGetProperty("role", out var role) && role.ValueKind == JsonValueKind.String
            ? Text(role, $"{at}.role")
            : throw new TurnInputException($"{at}.role is missing or not a string");

    private static JsonElement Content(JsonElement message, string at) =>
        message.TryGetProperty("content", out var content) ? content : throw new TurnInputException($"{at}.content is missing");

    /// <summary>Adds the text of a content, which is a string or a list of typed parts.</summary>
    private static void ReadContent(JsonElement content, string at, StringBuilder text, out bool more)
    {
        more = false;
        switch (content.ValueKind)
        {
            case JsonValueKind.String:
                Add(text, Text(content, at));
                break;
            case JsonValueKind.Array:
                var index = -1;
                foreach (var part in content.EnumerateArray())
                {
                    index++;
                    if (part.ValueKind != JsonValueKind.Object || !part.TryGetProperty("type", out var type) || type.ValueKind != JsonValueKind.String)
                        throw new TurnInputException($"{at}[{index}].type is missing or not a string");
                    if (type.ValueEquals("tool_result"))
                        throw new TurnInputException($"{at}[{index}] is a tool_result, but the agent runs its tools itself");
                    if (!type.ValueEquals("text"))
                        more = true;
                    else if (part.TryGetProperty("text", out var piece) && piece.ValueKind == JsonValueKind.String)
                        Add(text, Text(piece, $"{at}[{index}].text"));
                    else
                        throw new TurnInputException($"{at}[{index}].text is missing or not a string");
                }
                break;
            default:
                throw new TurnInputException($"{at} must be a string or a list");
        }
    }

    private static void Add(StringBuilder text, string piece)
    {
        if (text.Length > 0 && piece.Length > 0)
            text.Append('\n');
        text.Append(piece);
    }

    private static string Text(JsonElement element, string at)
    {
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new TurnInputException($"{at} is not valid Unicode");
        }
    }
}
