using System.ClientModel.Primitives;
using System.Runtime.CompilerServices;
using System.Text.Json;
using AgentKernel.AgentRuntime.Configuration;
using AgentKernel.AgentRuntime.Conversation;
using AgentKernel.AgentRuntime.Tools;
using OpenAI.Chat;

namespace AgentKernel.AgentRuntime.Providers.OpenAI;

/// <summary>A conversation in OpenAI's chat messages.</summary>
internal sealed class OpenAISession(Lazy<ChatClient> client, ModelSettings settings, IReadOnlyList<ToolDefinition> tools) : IModelSession
{
    private readonly List<ChatMessage> _history = [];

    public int Mark => _history.Count;

    public void RollBack(int mark) => _history.RemoveRange(mark, _history.Count - mark);

    public void AddUser(TurnInput input)
    {
        if (input.Format == TransportFormat.OpenAI && input.Messages.Count > 0)
        {
            _history.AddRange(input.Messages.Select(ReadMessage).ToList());
            return;
        }
        if (input.HasMoreThanText)
            throw new TurnInputException("body.messages has content other than text in a format that is not this agent's provider's; set transport_format to openai");
        _history.Add(new UserChatMessage(input.Text));
    }

    public void AddToolResults(IReadOnlyList<ToolResult> results)
    {
        foreach (var result in results)
            _history.Add(new ToolChatMessage(result.CallId, result.Output.Text));
    }

    public JsonElement SaveAnswer()
    {
        using var message = JsonDocument.Parse(ModelReaderWriter.Write(_history[^1]));
        return message.RootElement.Clone();
    }

    public void RestoreAnswer(JsonElement message) => _history.Add(ReadMessage(message));

    public void AddAssistant(string text) => _history.Add(new AssistantChatMessage(text));

    public async IAsyncEnumerable<ModelEvent> CallAsync(string systemPrompt, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var answer = new OpenAIAnswer();
        await foreach (var update in client.Value.CompleteChatStreamingAsync(
            [new SystemChatMessage(systemPrompt), .. _history], BuildOptions(), cancellationToken))
        {
            foreach (var modelEvent in answer.Take(update))
                yield return modelEvent;
        }
        var end = answer.End();
        foreach (var call in answer.ToolCalls)
            yield return call;
        _history.Add(answer.Message());
        yield return end;
    }

    private static ChatMessage ReadMessage(JsonElement message)
    {
        try
        {
            return ModelReaderWriter.Read<ChatMessage>(BinaryData.FromString(message.GetRawText())) ?? throw new FormatException();
        }
        catch (Exception e) when (e is FormatException or JsonException or InvalidOperationException or KeyNotFoundException or ArgumentException)
        {
            throw new TurnInputException("body.messages has a message that is not in OpenAI's form");
        }
    }

    private ChatCompletionOptions BuildOptions()
    {
        var options = new ChatCompletionOptions();
        foreach (var tool in tools)
            options.Tools.Add(ChatTool.CreateFunctionTool(tool.Name, tool.Description, BinaryData.FromString(tool.InputSchema)));
#pragma warning disable OPENAI001 // marked experimental, and the only way to say how much to think
        if (settings.Thinking != ThinkingLevel.None)
        {
            options.ReasoningEffortLevel = settings.Thinking switch
            {
                ThinkingLevel.Low => ChatReasoningEffortLevel.Low,
                ThinkingLevel.Medium => ChatReasoningEffortLevel.Medium,
                _ => ChatReasoningEffortLevel.High,
            };
        }
#pragma warning restore OPENAI001
        return options;
    }
}
