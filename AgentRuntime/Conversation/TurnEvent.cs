using AgentKernel.AgentRuntime.Providers;

namespace AgentKernel.AgentRuntime.Conversation;

/// <summary>What the caller of a turn is told, in order. A turn ends with <see cref="TurnDone"/>, whatever happened.</summary>
internal abstract record TurnEvent;
internal sealed record TurnText(string Text) : TurnEvent;
internal sealed record TurnThinking(string Text) : TurnEvent;
internal sealed record TurnToolCall(string Id, string Name, string InputJson) : TurnEvent;
internal sealed record TurnToolResult(string Id, string Name, string Output, bool IsError) : TurnEvent;
internal sealed record TurnUsage(TokenUsage Usage) : TurnEvent;
internal sealed record TurnError(string Message) : TurnEvent;
internal sealed record TurnDone : TurnEvent;

/// <summary>Takes the events of a turn; returns when one is on its way to the caller.</summary>
/// <remarks>Throws <see cref="OperationCanceledException"/> when the caller has gone.</remarks>
internal delegate ValueTask TurnSink(TurnEvent turnEvent);
