using System.Text.Json;
using System.Text.Json.Serialization;

namespace AgentKernel.AgentRuntime.Bus;

/// <summary>What stands in <c>AgentInput</c>, as JSON: one of its members beside the id.</summary>
/// <param name="Id">Of the entry: one that was written twice, because its first answer was lost, is read once.</param>
/// <param name="Turn">The body of a turn, as it came.</param>
/// <param name="SystemPrompt">A new system prompt.</param>
/// <param name="ClearHistory">Whether the conversation begins anew.</param>
/// <param name="Started">The agent has started; <c>enabled</c>, <c>disabled</c> or <c>advisory</c>: what its safety is.</param>
internal sealed record AgentInputDocument(string Id, string? Turn = null, string? SystemPrompt = null, bool? ClearHistory = null, StartDocument? Started = null);

/// <param name="Safety"><c>enabled</c>, <c>disabled</c> or <c>advisory</c>.</param>
internal sealed record StartDocument(string Safety, string Provider, string Model);

/// <summary>What stands in <c>InferenceInput</c>: what is new to the model; all before it stands on the log already.</summary>
/// <param name="Messages">How many messages the model is sent, the new ones among them.</param>
/// <param name="ToolResults">What came of the calls of its last answer.</param>
internal sealed record InferenceInputDocument(
    string Id, string Provider, string Model, string SystemPrompt, int Messages, string? User, IReadOnlyList<ToolResultDocument>? ToolResults);

/// <summary>What stands in <c>InferenceOutput</c>.</summary>
/// <param name="Stop"><c>Finished</c>, <c>OutputLimit</c>, <c>Refused</c> or <c>Paused</c>.</param>
/// <param name="Message">The answer as the vendor wants it back.</param>
internal sealed record InferenceOutputDocument(
    string Id, string Text, IReadOnlyList<ToolCallDocument> ToolCalls, string Stop, long InputTokens, long OutputTokens, JsonElement Message);

internal sealed record ToolCallDocument(string Id, string Name, string Input);

internal sealed record ToolResultDocument(string Id, string Name, string Output, bool IsError);

/// <summary>What stands in <c>ActionOutput</c>.</summary>
/// <param name="Outcome"><c>done</c>, <c>not_run</c>, <c>cancelled</c> (it may have had effects) or <c>unknown</c> (the agent ended meanwhile).</param>
internal sealed record ActionOutputDocument(string Outcome, string Output, bool IsError);

/// <summary>What stands in <c>AgentOutput</c>: the end of a turn.</summary>
/// <param name="End"><c>done</c>, <c>failed</c>, <c>cancelled</c>, <c>restarted</c>, or <c>undone</c>: it failed and left no trace in the conversation.</param>
/// <param name="Text">What the agent said last.</param>
/// <param name="ToolResults">What the model has not been told yet.</param>
/// <param name="Note">What was added to the conversation in the model's name; null where nothing was.</param>
internal sealed record AgentOutputDocument(string Id, string End, string Text, string? Error, IReadOnlyList<ToolResultDocument>? ToolResults, string? Note);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AgentInputDocument))]
[JsonSerializable(typeof(InferenceInputDocument))]
[JsonSerializable(typeof(InferenceOutputDocument))]
[JsonSerializable(typeof(ActionOutputDocument))]
[JsonSerializable(typeof(AgentOutputDocument))]
internal sealed partial class BusJson : JsonSerializerContext;
