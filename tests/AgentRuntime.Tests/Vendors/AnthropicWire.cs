using System.Text.Json;
using System.Text.Json.Nodes;

namespace AgentKernel.AgentRuntime.Tests.Vendors;

/// <summary>Anthropic's Messages API: https://docs.anthropic.com/en/api/messages-streaming.</summary>
internal sealed class AnthropicWire : IVendorWire
{
    public string Provider => "anthropic";

    public string Path => "/v1/messages";

    public (string Name, string Value) Authentication(string key) => ("x-api-key", key);

    public string[] Text(params string[] pieces) => Message("end_turn", TextBlock(0, pieces));

    public string[] Calls(params (string Id, string Name, string Input)[] calls) =>
        Message("tool_use", [.. TextBlock(0, "Let me see."), .. calls.SelectMany((call, i) => CallBlock(i + 1, call.Id, call.Name, call.Input))]);

    public string[] CutOff(string text) => Message("max_tokens", TextBlock(0, text));

    public string[] CutOffCall(string id, string name, string input) => Message("max_tokens", CallBlock(0, id, name, input));

    public string Error(string message) =>
        $$"""{"type":"error","error":{"type":"some_error","message":{{JsonSerializer.Serialize(message)}}},"request_id":"req_1"}""";

    public static string[] Message(string stopReason, params string[] blocks) =>
    [
        Event("message_start", """{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":6,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":1}}}"""),
        .. blocks,
        Event("message_delta", $$$"""{"type":"message_delta","delta":{"stop_reason":"{{{stopReason}}}","stop_sequence":null},"usage":{"output_tokens":5}}"""),
        Event("message_stop", """{"type":"message_stop"}"""),
    ];

    public static string[] TextBlock(int index, params string[] pieces) =>
    [
        Event("content_block_start", $$$"""{"type":"content_block_start","index":{{{index}}},"content_block":{"type":"text","text":""}}"""),
        Event("ping", """{"type":"ping"}"""),
        .. pieces.Select(piece => Delta(index, $$"""{"type":"text_delta","text":{{JsonSerializer.Serialize(piece)}}}""")),
        Stop(index),
    ];

    public static string[] ThinkingBlock(int index, string signature, params string[] pieces) =>
    [
        Event("content_block_start", $$$"""{"type":"content_block_start","index":{{{index}}},"content_block":{"type":"thinking","thinking":"","signature":""}}"""),
        .. pieces.Select(piece => Delta(index, $$"""{"type":"thinking_delta","thinking":{{JsonSerializer.Serialize(piece)}}}""")),
        Delta(index, $$"""{"type":"signature_delta","signature":"{{signature}}"}"""),
        Stop(index),
    ];

    public static string[] RedactedBlock(int index, string data) =>
    [
        Event("content_block_start", $$$"""{"type":"content_block_start","index":{{{index}}},"content_block":{"type":"redacted_thinking","data":"{{{data}}}"}}"""),
        Stop(index),
    ];

    public static string[] CallBlock(int index, string id, string name, string input) =>
    [
        Event("content_block_start", $$$$"""{"type":"content_block_start","index":{{{{index}}}},"content_block":{"type":"tool_use","id":"{{{{id}}}}","name":"{{{{name}}}}","input":{}}}"""),
        Delta(index, """{"type":"input_json_delta","partial_json":""}"""),
        .. input.Chunk(7).Select(piece => Delta(index, $$"""{"type":"input_json_delta","partial_json":{{JsonSerializer.Serialize(new string(piece))}}}""")),
        Stop(index),
    ];

    public static string Event(string name, string data) => $"event: {name}\ndata: {data}\n\n";

    public IReadOnlyList<string> Conversation(JsonNode request)
    {
        var lines = new List<string>();
        foreach (var message in request["messages"]!.AsArray())
        {
            var role = (string)message!["role"]!;
            if (message["content"] is JsonValue text)
                lines.Add($"{role}: {(string)text!}");
            else
                lines.AddRange(message["content"]!.AsArray().Select(block => Line(role, block!)));
        }
        return lines;
    }

    public string SystemPrompt(JsonNode request) => (string)request["system"]![0]!["text"]!;

    public IReadOnlyList<(string Name, string Description, JsonNode Schema)> Tools(JsonNode request) =>
        [.. (request["tools"]?.AsArray() ?? []).Select(tool => ((string)tool!["name"]!, (string)tool["description"]!, tool["input_schema"]!))];

    public string BodyWithImage => """
        {"messages":[{"role":"user","content":[{"type":"text","text":"see"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}]}]}
        """;

    public bool HasImage(JsonNode request) => (string?)request["messages"]![0]!["content"]![1]?["source"]?["data"] == "iVBORw0KGgo=";

    private static string Line(string role, JsonNode block) => (string)block["type"]! switch
    {
        "text" => $"{role}: {(string)block["text"]!}",
        "thinking" => $"thinking {(string)block["signature"]!}: {(string)block["thinking"]!}",
        "redacted_thinking" => $"redacted {(string)block["data"]!}",
        "tool_use" => $"call {(string)block["id"]!} {(string)block["name"]!} {block["input"]!.ToJsonString()}",
        "tool_result" => $"result {(string)block["tool_use_id"]!}{((bool?)block["is_error"] == true ? " error" : "")}: {Content(block["content"]!)}",
        var other => other,
    };

    private static string Content(JsonNode content) => content is JsonValue ? (string)content! : (string)content[0]!["text"]!;

    private static string Delta(int index, string delta) =>
        Event("content_block_delta", $$"""{"type":"content_block_delta","index":{{index}},"delta":{{delta}}}""");

    private static string Stop(int index) => Event("content_block_stop", $$"""{"type":"content_block_stop","index":{{index}}}""");
}
