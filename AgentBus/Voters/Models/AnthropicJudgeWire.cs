using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace AgentKernel.AgentBus.Voters.Models;

/// <summary>Anthropic's Messages API: the vote is a call of the one tool that there is.</summary>
internal sealed class AnthropicJudgeWire : IJudgeWire
{
    private const string Tool = "vote";
    private const string ApiVersion = "2023-06-01";
    private const int MaxTokens = 1_024;

    public Uri DefaultEndpoint { get; } = new("https://api.anthropic.com");

    public HttpRequestMessage Request(Uri endpoint, string key, string model, JudgeQuestion question)
    {
        var body = new JsonObject
        {
            ["model"] = model,
            ["max_tokens"] = MaxTokens,
            ["temperature"] = 0,
            ["system"] = question.System,
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = question.User }),
            ["tools"] = new JsonArray(new JsonObject { ["name"] = Tool, ["description"] = "Casts the vote.", ["input_schema"] = JsonNode.Parse(JudgeAnswer.Schema) }),
            ["tool_choice"] = new JsonObject { ["type"] = "tool", ["name"] = Tool },
        };
        var request = new HttpRequestMessage(HttpMethod.Post, $"{endpoint.AbsoluteUri.TrimEnd('/')}/v1/messages")
        {
            Content = new StringContent(body.ToJsonString(), new MediaTypeHeaderValue("application/json")),
        };
        request.Headers.Add("x-api-key", key);
        request.Headers.Add("anthropic-version", ApiVersion);
        return request;
    }

    public JudgeAnswer? Read(JsonElement answer)
    {
        var content = answer.GetProperty("content");
        if (answer.GetProperty("stop_reason").GetString() != "tool_use" || content.GetArrayLength() != 1)
        {
            return null;
        }

        var block = content[0];
        return block.GetProperty("type").GetString() == "tool_use" && block.GetProperty("name").GetString() == Tool ? JudgeAnswer.Read(block.GetProperty("input")) : null;
    }
}
