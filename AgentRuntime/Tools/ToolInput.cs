using System.Text.Json;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>Reads what a model passed to a tool.</summary>
internal static class ToolInput
{
    public static string Text(this JsonElement input, string key)
    {
        if (!input.TryGetProperty(key, out var value) || value.ValueKind != JsonValueKind.String)
            throw new ToolInputException($"'{key}' is missing or not a string.");
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new ToolInputException($"'{key}' is not valid Unicode.");
        }
    }

    public static int? Whole(this JsonElement input, string key, int least, int most)
    {
        if (!input.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number)
            && number == Math.Floor(number) && number >= least && number <= most)
            return (int)number;
        throw new ToolInputException($"'{key}' must be a whole number from {least} to {most}.");
    }

    public static bool Flag(this JsonElement input, string key) =>
        input.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.True;
}
