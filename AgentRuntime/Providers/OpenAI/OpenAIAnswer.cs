using System.Text;
using OpenAI.Chat;

namespace AgentKernel.AgentRuntime.Providers.OpenAI;

/// <summary>Puts one streamed answer together into the message that goes back with the next call.</summary>
internal sealed class OpenAIAnswer
{
    private readonly StringBuilder _text = new();
    private readonly StringBuilder _refusal = new();
    private readonly SortedDictionary<int, Call> _calls = [];
    private TokenUsage _usage = TokenUsage.None;
    private ChatFinishReason? _finish;
    private string? _model;

    public IEnumerable<ModelToolCall> ToolCalls =>
        _calls.Values.Select(call => new ModelToolCall(call.Id, call.Name, call.ArgumentsJson));

    public IEnumerable<ModelEvent> Take(StreamingChatCompletionUpdate update)
    {
        _finish = update.FinishReason ?? _finish;
        _model = update.Model ?? _model;
        if (update.Usage is { } usage)
        {
            var cached = usage.InputTokenDetails?.CachedTokenCount ?? 0;
            _usage = new TokenUsage(usage.InputTokenCount - cached, usage.OutputTokenCount, CacheRead: cached);
        }
        foreach (var piece in update.ToolCallUpdates)
        {
            if (!_calls.TryGetValue(piece.Index, out var call))
                _calls[piece.Index] = call = new Call();
            call.Take(piece);
        }
        foreach (var part in update.ContentUpdate)
        {
            if (part.Text is { Length: > 0 } text)
            {
                _text.Append(text);
                yield return new ModelText(text);
            }
        }
        // A refusal is what the model says, too.
        if (update.RefusalUpdate is { Length: > 0 } refusal)
        {
            _refusal.Append(refusal);
            yield return new ModelText(refusal);
        }
    }

    /// <exception cref="ModelProtocolException">The stream ended before the message did.</exception>
    public ModelEnd End() => new(_finish switch
    {
        null => throw new ModelProtocolException("the model API broke off its answer"),
        ChatFinishReason.Length => ModelStop.OutputLimit,
        ChatFinishReason.ContentFilter => ModelStop.Refused,
        _ => _refusal.Length > 0 ? ModelStop.Refused : ModelStop.Finished,
    }, _usage, _model, ReasonOf(_finish.Value));

    private static string ReasonOf(ChatFinishReason reason) => reason switch
    {
        ChatFinishReason.Stop => "stop",
        ChatFinishReason.Length => "length",
        ChatFinishReason.ContentFilter => "content_filter",
        ChatFinishReason.FunctionCall => "function_call",
        _ => "tool_calls",
    };

    public AssistantChatMessage Message()
    {
        if (_calls.Count == 0)
            return new AssistantChatMessage($"{_text}{_refusal}");
        var message = new AssistantChatMessage(_calls.Values.Select(call =>
            ChatToolCall.CreateFunctionToolCall(call.Id, call.Name, BinaryData.FromString(call.ArgumentsJson))));
        if (_text.Length > 0)
            message.Content.Add(ChatMessageContentPart.CreateTextPart(_text.ToString()));
        return message;
    }

    /// <summary>A tool call while it grows.</summary>
    private sealed class Call
    {
        private readonly StringBuilder _arguments = new();

        public string Id { get; private set; } = "";

        public string Name { get; private set; } = "";

        /// <summary>A call without arguments may have none at all.</summary>
        public string ArgumentsJson => _arguments.Length > 0 ? _arguments.ToString() : "{}";

        public void Take(StreamingChatToolCallUpdate piece)
        {
            if (piece.ToolCallId is { Length: > 0 } id)
                Id = id;
            if (piece.FunctionName is { Length: > 0 } name)
                Name = name;
            _arguments.Append(piece.FunctionArgumentsUpdate?.ToString());
        }
    }
}
