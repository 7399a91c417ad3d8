using System.Text.Json;
using System.Text.Json.Nodes;

namespace AgentKernel.AgentRuntime.Tests.Vendors;

/// <summary>OpenAI's chat completions: https://platform.openai.com/docs/api-reference/chat-streaming.</summary>
internal sealed class OpenAIWire : IVendorWire
{
    public string Provider => "openai";

    public string Path => "/chat/completions";

    public (string Name, string Value) Authentication(string key) => ("Authorization", $"Bearer {key}");

    public string[] Text(params string[] pieces) => Message("stop", pieces.Select(TextDelta));

    public string[] Calls(params (string Id, string Name, string Input)[] calls) =>
        Message("tool_calls", [TextDelta("Let me see."), .. calls.SelectMany((call, i) => CallDeltas(i, call.Id, call.Name, call.Input))]);

    public string[] CutOff(string text) => Message("length", [TextDelta(text)]);

    public string[] CutOffCall(string id, string name, string input) => Message("length", CallDeltas(0, id, name, input));

    public string Error(string message) =>
        $$$"""{"error":{"message":{{{JsonSerializer.Serialize(message)}}},"type":"some_error","param":null,"code":null}}""";

    public IReadOnlyList<string> Conversation(JsonNode request)
    {
        var lines = new List<string>();
        foreach (var message in request["messages"]!.AsArray())
        {
            switch ((string)message!["role"]!)
            {
                case "system":
                    break;
                case "tool":
                    lines.Add($"result {(string)message["tool_call_id"]!}: {Content(message["content"]!)}");
                    break;
                case var role:
                    if (message["content"] is { } content)
                        lines.Add($"{role}: {Content(content)}");
                    lines.AddRange((message["tool_calls"]?.AsArray() ?? []).Select(call =>
                        $"call {(string)call!["id"]!} {(string)call["function"]!["name"]!} {(string)call["function"]!["arguments"]!}"));
                    break;
            }
        }
        return lines;
    }

    public string SystemPrompt(JsonNode request) => Content(request["messages"]!.AsArray().Single(message => (string)message!["role"]! == "system")!["content"]!);

    public IReadOnlyList<(string Name, string Description, JsonNode Schema)> Tools(JsonNode request) =>
        [.. (request["tools"]?.AsArray() ?? []).Select(tool => ((string)tool!["function"]!["name"]!, (string)tool["function"]!["description"]!, tool["function"]!["parameters"]!))];

    public string BodyWithImage => """
        {"messages":[{"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]}
        """;

    public bool HasImage(JsonNode request) =>
        (string?)request["messages"]!.AsArray()[^1]!["content"]![1]?["image_url"]?["url"] == "data:image/png;base64,iVBORw0KGgo=";

    public static string Chunk(string delta, string finish = "null") =>
        $$$"""data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4.1","choices":[{"index":0,"delta":{{{delta}}},"logprobs":null,"finish_reason":{{{finish}}}}],"usage":null}""" + "\n\n";

    public static string TextDelta(string text) => Chunk($$"""{"content":{{JsonSerializer.Serialize(text)}}}""");

    private static string[] Message(string finish, IEnumerable<string> deltas) =>
    [
        Chunk("""{"role":"assistant","content":"","refusal":null}"""),
        .. deltas,
        Chunk("{}", $"\"{finish}\""),
        """data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4.1","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}""" + "\n\n",
        "data: [DONE]\n\n",
    ];

    private static string[] CallDeltas(int index, string id, string name, string input) =>
    [
        Chunk($$$$"""{"tool_calls":[{"index":{{{{index}}}},"id":"{{{{id}}}}","type":"function","function":{"name":"{{{{name}}}}","arguments":""}}]}"""),
        .. input.Chunk(7).Select(piece => Chunk($$$$"""{"tool_calls":[{"index":{{{{index}}}},"function":{"arguments":{{{{JsonSerializer.Serialize(new string(piece))}}}}}}]}""")),
    ];

    private static string Content(JsonNode content) => content is JsonValue ? (string)content! : string.Concat(content.AsArray().Select(part => (string?)part!["text"]));
}
