using System.Runtime.CompilerServices;
using System.Text.Json;
using AgentKernel.AgentRuntime.Conversation;
using AgentKernel.AgentRuntime.Tools;

namespace AgentKernel.AgentRuntime.Providers.Scripted;

/// <summary>
/// A model without a model, for demonstrations and tests: it says the user's message back word by word, and
/// for each line <c>run: command</c> in it calls bash and then tells what that printed.
/// </summary>
internal sealed class ScriptedProvider(TimeSpan delay) : IModelProvider
{
    public IModelSession Open(IReadOnlyList<ToolDefinition> tools) => new ScriptedSession(delay);

    public void WarmUp() { }

    public string? Explain(Exception exception) => null;
}

internal sealed class ScriptedSession(TimeSpan delay) : IModelSession
{
    private const string RunPrefix = "run:";

    private readonly List<Message> _history = [];

    public int Mark => _history.Count;

    public void RollBack(int mark) => _history.RemoveRange(mark, _history.Count - mark);

    public void AddUser(TurnInput input) => _history.Add(new Message(input.Text, []));

    public void AddToolResults(IReadOnlyList<ToolResult> results) => _history.Add(new Message("", results));

    public JsonElement SaveAnswer() => JsonSerializer.SerializeToElement(_history[^1].Text, ScriptedJson.Default.String);

    public void RestoreAnswer(JsonElement message) => AddAssistant(message.GetString() ?? "");

    public void AddAssistant(string text) => _history.Add(new Message(text, []));

    public async IAsyncEnumerable<ModelEvent> CallAsync(string systemPrompt, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var last = _history[^1];
        var isReport = last.Results.Count > 0;
        var text = isReport ? Report(last.Results) : last.Text;
        var words = 0;
        for (var start = 0; start < text.Length; words++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (delay > TimeSpan.Zero)
                await Task.Delay(delay, cancellationToken);
            var end = EndOfWord(text, start);
            yield return new ModelText(text[start..end]);
            start = end;
        }
        var message = _history.Count;
        var call = 0;
        foreach (var line in isReport ? [] : last.Text.Split('\n'))
        {
            if (line.TrimStart() is var trimmed && trimmed.StartsWith(RunPrefix, StringComparison.Ordinal))
                yield return new ModelToolCall($"call_{message}_{++call}", ToolNames.Bash, InputFor(trimmed[RunPrefix.Length..].Trim()));
        }
        _history.Add(new Message(text, []));
        // It has no tokens; words make its counts tell something.
        yield return new ModelEnd(ModelStop.Finished, new TokenUsage(CountWords(last.Text), words), Model: null, Reason: "stop");
    }

    private static int EndOfWord(string text, int start)
    {
        var end = start;
        while (end < text.Length && char.IsWhiteSpace(text[end]))
            end++;
        while (end < text.Length && !char.IsWhiteSpace(text[end]))
            end++;
        while (end < text.Length && char.IsWhiteSpace(text[end]))
            end++;
        return end;
    }

    private static int CountWords(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;

    private static string InputFor(string command) => $$"""{"command":{{JsonSerializer.Serialize(command, ScriptedJson.Default.String)}}}""";

    private string Report(IReadOnlyList<ToolResult> results)
    {
        // What was asked stands in the message before the model's own.
        var commands = _history[^3].Text.Split('\n').Select(line => line.TrimStart())
            .Where(line => line.StartsWith(RunPrefix, StringComparison.Ordinal)).Select(line => line[RunPrefix.Length..].Trim());
        return "\n\n" + string.Join('\n', commands.Zip(results, (command, result) => $"`{command}` printed:\n{result.Output.Text}"));
    }

    private sealed record Message(string Text, IReadOnlyList<ToolResult> Results);
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
internal sealed partial class ScriptedJson : System.Text.Json.Serialization.JsonSerializerContext;
