using System.Text.Json.Nodes;

namespace AgentKernel.AgentRuntime.Tests.Vendors;

/// <summary>How one vendor's API looks on the wire, so that one suite of tests can speak all of them.</summary>
internal interface IVendorWire
{
    string Provider { get; }

    /// <summary>What follows the base URL.</summary>
    string Path { get; }

    /// <summary>The header with the key, and its value.</summary>
    (string Name, string Value) Authentication(string key);

    /// <summary>A streamed answer of text in pieces, which reports 10 tokens in, 4 of them from the cache, and 5 out.</summary>
    string[] Text(params string[] pieces);

    /// <summary>A streamed answer that calls tools, with the same token counts.</summary>
    string[] Calls(params (string Id, string Name, string Input)[] calls);

    /// <summary>An answer that was cut off at the output limit.</summary>
    string[] CutOff(string text);

    /// <summary>A tool call that was cut off at the output limit, in the middle of its input.</summary>
    string[] CutOffCall(string id, string name, string input);

    /// <summary>An error as the vendor's API gives it.</summary>
    string Error(string message);

    /// <summary>The conversation of a request, one line a part: <c>user: …</c>, <c>assistant: …</c>, <c>call id name input</c>, <c>result id: …</c>.</summary>
    IReadOnlyList<string> Conversation(JsonNode request);

    string SystemPrompt(JsonNode request);

    /// <summary>Name, description and schema of each tool.</summary>
    IReadOnlyList<(string Name, string Description, JsonNode Schema)> Tools(JsonNode request);

    /// <summary>A body in the vendor's own format with an image in its user message.</summary>
    string BodyWithImage { get; }

    /// <summary>The user message's content of <see cref="BodyWithImage"/>, as the request must carry it.</summary>
    bool HasImage(JsonNode request);
}
