using System.Text.Json;

namespace AgentKernel.AgentBus.Voters.Models;

/// <summary>A model's vote, read strictly: an object with exactly a boolean <c>safe</c> and a string <c>reason</c>.</summary>
internal sealed record JudgeAnswer(bool Safe, string Reason)
{
    /// <summary>What models are told to answer with.</summary>
    public const string Schema =
        """
        {"type":"object","properties":{"safe":{"type":"boolean"},"reason":{"type":"string"}},"required":["safe","reason"],"additionalProperties":false}
        """;

    private const int MaxReason = 1_000;

    /// <returns>Null where it is anything else.</returns>
    public static JudgeAnswer? Read(JsonElement answer)
    {
        if (answer.ValueKind is not JsonValueKind.Object || answer.EnumerateObject().Count() != 2
            || !answer.TryGetProperty("safe", out var safe) || safe.ValueKind is not (JsonValueKind.True or JsonValueKind.False)
            || !answer.TryGetProperty("reason", out var reason) || reason.ValueKind is not JsonValueKind.String)
        {
            return null;
        }

        var text = reason.GetString()!;
        return new(safe.GetBoolean(), text.Length > MaxReason ? $"{text[..MaxReason]} …" : text);
    }
}
