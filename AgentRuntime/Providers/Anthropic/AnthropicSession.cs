using System.Runtime.CompilerServices;
using System.Text.Json;
using AgentKernel.AgentRuntime.Configuration;
using AgentKernel.AgentRuntime.Conversation;
using AgentKernel.AgentRuntime.Tools;
using Anthropic;
using Anthropic.Models.Messages;

namespace AgentKernel.AgentRuntime.Providers.Anthropic;

/// <summary>A conversation in Anthropic's messages.</summary>
internal sealed class AnthropicSession(Lazy<AnthropicClient> client, ModelSettings settings, IReadOnlyList<ToolDefinition> tools) : IModelSession
{
    // What an answer may have beside its thinking; together within what every current model can put out.
    private const int MaxAnswerTokens = 16_000;

    private readonly List<MessageParam> _history = [];
    private IReadOnlyList<ToolUnion>? _tools;

    public int Mark => _history.Count;

    public void RollBack(int mark) => _history.RemoveRange(mark, _history.Count - mark);

    public void AddUser(TurnInput input)
    {
        if (input.Format == TransportFormat.Anthropic && input.Messages.Count > 0)
        {
            // Content passes as it came, whatever it is; the API knows its own format best.
            foreach (var message in input.Messages)
                AddUser(new MessageContentParam(message.GetProperty("content")));
            return;
        }
        if (input.HasMoreThanText)
            throw new TurnInputException("body.messages has content other than text in a format that is not this agent's provider's; set transport_format to anthropic");
        AddUser(input.Text);
    }

    public void AddToolResults(IReadOnlyList<ToolResult> results) => AddUser(results.Select(result => (ContentBlockParam)new ToolResultBlockParam
    {
        ToolUseID = result.CallId,
        Content = result.Output.Text,
        IsError = result.Output.IsError,
    }).ToList());

    public JsonElement SaveAnswer() => JsonSerializer.SerializeToElement(_history[^1]);

    public void RestoreAnswer(JsonElement message) => _history.Add(message.Deserialize<MessageParam>() ?? throw new JsonException("the message is null"));

    public void AddAssistant(string text) => _history.Add(new AssistantMessageParam { Content = text });

    public async IAsyncEnumerable<ModelEvent> CallAsync(string systemPrompt, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var answer = new AnthropicAnswer();
        await foreach (var streamed in client.Value.Messages.CreateStreaming(BuildRequest(systemPrompt), cancellationToken))
        {
            if (answer.Take(streamed) is { } modelEvent)
                yield return modelEvent;
        }
        var end = answer.End();
        foreach (var call in answer.ToolCalls)
            yield return call;
        _history.Add(new AssistantMessageParam { Content = answer.Content() });
        yield return end;
    }

    private void AddUser(MessageContentParam content) => _history.Add(new UserMessageParam { Content = content });

    private MessageCreateParams BuildRequest(string systemPrompt)
    {
        var budget = settings.Thinking switch
        {
            ThinkingLevel.Low => 2_048,
            ThinkingLevel.Medium => 8_192,
            ThinkingLevel.High => 16_000,
            _ => 0,
        };
        var request = new MessageCreateParams
        {
            Model = settings.Model,
            MaxTokens = MaxAnswerTokens + budget,
            // The prompt and the tools before it are the same in every call, so the API may keep them.
            System = new List<TextBlockParam> { new() { Text = systemPrompt, CacheControl = new CacheControlEphemeral() } },
            Messages = WithCacheMark(),
        };
        if (tools.Count > 0)
            request = request with { Tools = _tools ??= [.. tools.Select(Describe)] };
        return budget > 0 ? request with { Thinking = new ThinkingConfigEnabled(budget) } : request;
    }

    /// <summary>The history with a mark at its end: the next call of the turn repeats all up to here.</summary>
    private List<MessageParam> WithCacheMark()
    {
        var messages = new List<MessageParam>(_history);
        if (messages[^1].Value is UserMessageParam { Content: var content })
        {
            List<ContentBlockParam>? marked = content.Value switch
            {
                string text => [new TextBlockParam { Text = text, CacheControl = new CacheControlEphemeral() }],
                IReadOnlyList<ContentBlockParam> results when results[^1].Value is ToolResultBlockParam last =>
                    [.. results.Take(results.Count - 1), last with { CacheControl = new CacheControlEphemeral() }],
                _ => null,
            };
            if (marked is not null)
                messages[^1] = new UserMessageParam { Content = marked };
        }
        return messages;
    }

    private static ToolUnion Describe(ToolDefinition tool)
    {
        using var schema = JsonDocument.Parse(tool.InputSchema);
        return new Tool
        {
            Name = tool.Name,
            Description = tool.Description,
            InputSchema = new InputSchema(schema.RootElement.EnumerateObject().ToDictionary(member => member.Name, member => member.Value.Clone())),
        };
    }
}
