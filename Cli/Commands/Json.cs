using System.Text.Json;
using System.Text.Json.Nodes;

namespace AgentKernel.Cli.Commands;

/// <summary>JSON that a user types.</summary>
internal static class Json
{
    /// <exception cref="UsageException">It is no JSON object; the message names where it was given.</exception>
    public static JsonObject ParseObject(string where, string text)
    {
        try
        {
            return JsonNode.Parse(text, documentOptions: new() { AllowDuplicateProperties = false }) as JsonObject ?? throw new UsageException($"{where} must be a JSON object");
        }
        catch (JsonException exception)
        {
            throw new UsageException($"{where} is not JSON: {exception.Message}");
        }
    }
}
