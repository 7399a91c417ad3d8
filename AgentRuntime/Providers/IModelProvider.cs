using System.Text.Json;
using AgentKernel.AgentRuntime.Conversation;
using AgentKernel.AgentRuntime.Tools;

namespace AgentKernel.AgentRuntime.Providers;

/// <summary>A kind of model API. Making one must be cheap: what is slow waits for <see cref="WarmUp"/> or the first call.</summary>
internal interface IModelProvider
{
    /// <summary>Begins a conversation without history.</summary>
    IModelSession Open(IReadOnlyList<ToolDefinition> tools);

    /// <summary>Loads what the first call would have to. Called once, in the background, while nobody waits.</summary>
    void WarmUp();

    /// <summary>
    /// What went wrong in a call, in words for the agent's owner; null for an exception that is not this
    /// provider's. May quote the API's answer, which may quote the key: the caller strikes that out.
    /// </summary>
    string? Explain(Exception exception);
}

/// <summary>
/// One conversation, whose history is kept in the vendor's own messages, so that what they carry beyond text
/// (tool calls, signed thinking) goes back to the vendor unchanged. Used by one caller at a time.
/// </summary>
internal interface IModelSession
{
    /// <summary>How many messages the history has; a place to go back to.</summary>
    int Mark { get; }

    /// <summary>Forgets what came after a mark.</summary>
    void RollBack(int mark);

    /// <exception cref="TurnInputException">The provider cannot take this content; the history is as before.</exception>
    void AddUser(TurnInput input);

    /// <summary>
    /// Asks the model to go on from the history. Adds its message to the history when it is whole, and only
    /// then: after an exception or a cancellation the history is as before. The last event is a <see cref="ModelEnd"/>.
    /// </summary>
    IAsyncEnumerable<ModelEvent> CallAsync(string systemPrompt, CancellationToken cancellationToken);

    /// <summary>Answers all the tool calls of the model's last message, in their order.</summary>
    void AddToolResults(IReadOnlyList<ToolResult> results);

    /// <summary>The model's last message as JSON in the vendor's own form.</summary>
    JsonElement SaveAnswer();

    /// <summary>Adds a message that <see cref="SaveAnswer"/> has given.</summary>
    void RestoreAnswer(JsonElement message);

    /// <summary>Adds a message as if the model had said it.</summary>
    void AddAssistant(string text);
}

/// <summary>What a model call reports, in the order in which it happens.</summary>
internal abstract record ModelEvent;
internal sealed record ModelText(string Text) : ModelEvent;
internal sealed record ModelThinking(string Text) : ModelEvent;
/// <param name="InputJson">As the model wrote it; not JSON when it was cut off.</param>
internal sealed record ModelToolCall(string Id, string Name, string InputJson) : ModelEvent;
/// <param name="Model">Which model answered, as the provider says; null where it does not.</param>
/// <param name="Reason">Why it stopped, in the provider's word.</param>
internal sealed record ModelEnd(ModelStop Stop, TokenUsage Usage, string? Model, string Reason) : ModelEvent;

/// <summary>Why a model stopped.</summary>
internal enum ModelStop { Finished, OutputLimit, Refused, Paused }

internal sealed record ToolResult(string CallId, string Name, ToolOutput Output);

/// <summary>Tokens as the provider counts them; <see cref="Input"/> does not contain those of the cache.</summary>
internal sealed record TokenUsage(long Input, long Output, long CacheRead = 0, long CacheWrite = 0)
{
    public static readonly TokenUsage None = new(0, 0);

    public static TokenUsage operator +(TokenUsage a, TokenUsage b) =>
        new(a.Input + b.Input, a.Output + b.Output, a.CacheRead + b.CacheRead, a.CacheWrite + b.CacheWrite);
}
