using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace AgentKernel.AgentBus.Voters.Models;

/// <summary>OpenAI's chat completions: the vote is the whole answer, held to a schema.</summary>
internal sealed class OpenAIJudgeWire : IJudgeWire
{
    private const int MaxTokens = 4_096; // thinking counts

    public Uri DefaultEndpoint { get; } = new("https://api.openai.com/v1");

    public HttpRequestMessage Request(Uri endpoint, string key, string model, JudgeQuestion question)
    {
        var body = new JsonObject
        {
            ["model"] = model,
            ["max_completion_tokens"] = MaxTokens,
            ["messages"] = new JsonArray(
                new JsonObject { ["role"] = "system", ["content"] = question.System },
                new JsonObject { ["role"] = "user", ["content"] = question.User }),
            ["response_format"] = new JsonObject
            {
                ["type"] = "json_schema",
                ["json_schema"] = new JsonObject { ["name"] = "vote", ["strict"] = true, ["schema"] = JsonNode.Parse(JudgeAnswer.Schema) },
            },
        };
        var request = new HttpRequestMessage(HttpMethod.Post, $"{endpoint.AbsoluteUri.TrimEnd('/')}/chat/completions")
        {
            Content = new StringContent(body.ToJsonString(), new MediaTypeHeaderValue("application/json")),
        };
        request.Headers.Authorization = new("Bearer", key);
        return request;
    }

    public JudgeAnswer? Read(JsonElement answer)
    {
        var choices = answer.GetProperty("choices");
        if (choices.GetArrayLength() != 1 || choices[0].GetProperty("finish_reason").GetString() != "stop")
        {
            return null;
        }

        var message = choices[0].GetProperty("message");
        if (message.TryGetProperty("refusal", out var refusal) && refusal.ValueKind is not JsonValueKind.Null)
        {
            return null;
        }

        using var vote = JsonDocument.Parse(message.GetProperty("content").GetString()!);
        return JudgeAnswer.Read(vote.RootElement);
    }
}
