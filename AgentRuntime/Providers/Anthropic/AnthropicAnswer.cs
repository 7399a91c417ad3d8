using System.Text;
using System.Text.Json;
using Anthropic.Models.Messages;

namespace AgentKernel.AgentRuntime.Providers.Anthropic;

/// <summary>Puts one streamed answer together, block by block, into the message that goes back with the next call.</summary>
internal sealed class AnthropicAnswer
{
    private readonly SortedDictionary<long, Block> _blocks = [];
    private TokenUsage _usage = TokenUsage.None;
    private string? _stopReason;
    private string? _model;

    public IEnumerable<ModelToolCall> ToolCalls => _blocks.Values
        .Where(block => block.ToolUse is not null)
        .Select(block => new ModelToolCall(block.ToolUse!.ID, block.ToolUse.Name, block.InputJson));

    /// <returns>What the caller is to be told of it, if anything.</returns>
    public ModelEvent? Take(RawMessageStreamEvent streamed)
    {
        switch (streamed.Value)
        {
            case RawMessageStartEvent start:
                _model = start.Message.Model.Raw();
                var first = start.Message.Usage;
                _usage = new TokenUsage(first.InputTokens, first.OutputTokens, first.CacheReadInputTokens ?? 0, first.CacheCreationInputTokens ?? 0);
                return null;
            case RawContentBlockStartEvent start:
                return (_blocks[start.Index] = new Block(start.ContentBlock)).Opening;
            case RawContentBlockDeltaEvent delta:
                return (_blocks.TryGetValue(delta.Index, out var block) ? block : throw OutOfOrder()).Take(delta.Delta);
            case RawMessageDeltaEvent delta:
                _stopReason = delta.Delta.StopReason?.Raw() ?? _stopReason;
                // Counts from the beginning of the message on, not since the last event.
                _usage = new TokenUsage(delta.Usage.InputTokens ?? _usage.Input, delta.Usage.OutputTokens,
                    delta.Usage.CacheReadInputTokens ?? _usage.CacheRead, delta.Usage.CacheCreationInputTokens ?? _usage.CacheWrite);
                return null;
            default:
                return null;
        }
    }

    /// <exception cref="ModelProtocolException">The stream ended before the message did.</exception>
    public ModelEnd End() => new(_stopReason switch
    {
        null => throw new ModelProtocolException("the model API broke off its answer"),
        "max_tokens" or "model_context_window_exceeded" => ModelStop.OutputLimit,
        "refusal" => ModelStop.Refused,
        "pause_turn" => ModelStop.Paused,
        _ => ModelStop.Finished,
    }, _usage, _model, _stopReason);

    public List<ContentBlockParam> Content()
    {
        var content = _blocks.Values.Select(block => block.ToParam()).OfType<ContentBlockParam>().ToList();
        // The API takes no empty message back, but an empty answer is one that it may give.
        return content.Count > 0 ? content : [new TextBlockParam { Text = "(no answer)" }];
    }

    private static ModelProtocolException OutOfOrder() => new("the model API's answer is out of order");

    /// <summary>A block of content while it grows.</summary>
    private sealed class Block(RawContentBlockStartEventContentBlock start)
    {
        private readonly StringBuilder _text = new(start.Value switch
        {
            TextBlock text => text.Text,
            ThinkingBlock thinking => thinking.Thinking,
            _ => "",
        });

        private string _signature = (start.Value as ThinkingBlock)?.Signature ?? "";

        public ToolUseBlock? ToolUse { get; } = start.Value as ToolUseBlock;

        /// <summary>A call without input has no deltas.</summary>
        public string InputJson => _text.Length > 0 ? _text.ToString() : "{}";

        /// <summary>What the block's beginning brings already; usually nothing.</summary>
        public ModelEvent? Opening => start.Value switch
        {
            TextBlock { Text.Length: > 0 } text => new ModelText(text.Text),
            ThinkingBlock { Thinking.Length: > 0 } thinking => new ModelThinking(thinking.Thinking),
            _ => null,
        };

        public ModelEvent? Take(RawContentBlockDelta delta)
        {
            switch (delta.Value)
            {
                case TextDelta text:
                    _text.Append(text.Text);
                    return new ModelText(text.Text);
                case ThinkingDelta thinking:
                    _text.Append(thinking.Thinking);
                    return new ModelThinking(thinking.Thinking);
                case InputJsonDelta input:
                    _text.Append(input.PartialJson);
                    return null;
                case SignatureDelta signature:
                    _signature += signature.Signature;
                    return null;
                default:
                    return null;
            }
        }

        public ContentBlockParam? ToParam() => start.Value switch
        {
            // The API refuses empty text.
            TextBlock when _text.Length == 0 => null,
            TextBlock => new TextBlockParam { Text = _text.ToString() },
            ThinkingBlock => new ThinkingBlockParam { Thinking = _text.ToString(), Signature = _signature },
            RedactedThinkingBlock redacted => new RedactedThinkingBlockParam { Data = redacted.Data },
            ToolUseBlock call => new ToolUseBlockParam { ID = call.ID, Name = call.Name, Input = ParseInput() },
            _ => new ContentBlockParam(start.Json),
        };

        // What was cut off is no JSON, but the call stays in the history, because its result says what was wrong.
        private Dictionary<string, JsonElement> ParseInput()
        {
            try
            {
                using var input = JsonDocument.Parse(InputJson);
                if (input.RootElement.ValueKind == JsonValueKind.Object)
                    return input.RootElement.EnumerateObject().ToDictionary(member => member.Name, member => member.Value.Clone());
            }
            catch (JsonException)
            {
                // As below.
            }
            return [];
        }
    }
}
