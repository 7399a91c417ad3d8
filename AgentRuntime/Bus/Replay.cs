using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using AgentKernel.AgentRuntime.Configuration;
using AgentKernel.AgentRuntime.Conversation;
using AgentKernel.AgentRuntime.Providers;
using AgentKernel.AgentRuntime.Tools;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentRuntime.Bus;

/// <summary>Makes the conversation anew from what stands on the bus. Runs nothing.</summary>
internal sealed class Replay(IModelSession session, Transcript transcript, TransportFormat format)
{
    private const string RestartNote = "[The agent was restarted here; the turn was not finished.]";

    private readonly HashSet<string> _seen = [];
    private readonly Dictionary<long, Action> _actions = [];
    private readonly List<ToolCallDocument> _calls = [];
    private (int Session, int Transcript)? _turn;
    private string _lastText = "";

    /// <summary>The one that was set last; null where none was.</summary>
    public string? SystemPrompt { get; private set; }

    public void Apply(BusEntry entry)
    {
        var (payload, time) = (entry.Payload, DateTimeOffset.FromUnixTimeMilliseconds(entry.Header.RtTimestampMs));
        switch (payload.PayloadCase)
        {
            case Payload.PayloadOneofCase.AgentInput when Read(payload.AgentInput.StringAgentInput, BusJson.Default.AgentInputDocument) is { } input && _seen.Add(input.Id):
                Take(input, time);
                break;
            case Payload.PayloadOneofCase.InferenceInput when Read(payload.InferenceInput.StringInferenceInput, BusJson.Default.InferenceInputDocument) is { } asked && _seen.Add(asked.Id):
                TakeResults(asked.ToolResults, time);
                break;
            case Payload.PayloadOneofCase.InferenceOutput when Read(payload.InferenceOutput.StringInferenceOutput, BusJson.Default.InferenceOutputDocument) is { } answer && _seen.Add(answer.Id):
                Take(answer, time);
                break;
            case Payload.PayloadOneofCase.Intention when ToolCallIntention.Parse(payload.Intention.StringIntention) is { ToolCallId: { } callId }:
                _actions[entry.Header.LogPosition] = new(callId);
                break;
            case Payload.PayloadOneofCase.Commit when _actions.TryGetValue(payload.Commit.IntentionId, out var action):
                action.IsCommitted = true;
                break;
            case Payload.PayloadOneofCase.Abort when _actions.TryGetValue(payload.Abort.IntentionId, out var action):
                action.Refusal = payload.Abort.Reason;
                break;
            case Payload.PayloadOneofCase.ActionOutput when _actions.TryGetValue(payload.ActionOutput.IntentionId, out var action):
                action.Output ??= Read(payload.ActionOutput.StringActionOutput, BusJson.Default.ActionOutputDocument);
                break;
            case Payload.PayloadOneofCase.AgentOutput when Read(payload.AgentOutput.StringAgentOutput, BusJson.Default.AgentOutputDocument) is { } end && _seen.Add(end.Id):
                Take(end, time);
                break;
        }
    }

    /// <summary>Ends a turn that the process before did not end, so that the model knows what it has to reckon with.</summary>
    /// <returns>What the bus is to be told of that; null where nothing was open.</returns>
    public (AgentOutputDocument End, IReadOnlyList<(long IntentionId, ActionOutputDocument Outcome)> Actions)? Close()
    {
        if (_turn is null)
        {
            return null;
        }

        var outcomes = new List<(long, ActionOutputDocument)>();
        var results = _calls.ConvertAll(call => ResultOf(call, outcomes));
        var end = new AgentOutputDocument("", "restarted", _lastText, "the agent was restarted", results.Count > 0 ? results : null, RestartNote);
        Take(end, time: null);
        return (end, outcomes);
    }

    private ToolResultDocument ResultOf(ToolCallDocument call, List<(long, ActionOutputDocument)> outcomes)
    {
        // A model may use an id again: the last one is the call of this answer.
        var (id, action) = _actions.LastOrDefault(known => known.Value.CallId == call.Id);
        if (action?.Output is { } output)
        {
            return new(call.Id, call.Name, output.Output, output.IsError);
        }

        var outcome = action switch
        {
            { IsCommitted: true } => new ActionOutputDocument(
                "unknown", "Outcome unknown: the agent was restarted while this ran or was about to run. It may have had all, some or none of its effects. Look before you do it again.", IsError: true),
            { Refusal: { } reason } => new("not_run", $"This was not run: the agent bus refused it: {reason}.", IsError: true),
            _ => new("not_run", "This was not run: the agent was restarted before it was decided.", IsError: true),
        };
        if (action is not null)
        {
            outcomes.Add((id, outcome));
        }

        return new(call.Id, call.Name, outcome.Output, outcome.IsError);
    }

    private void Take(AgentInputDocument input, DateTimeOffset time)
    {
        if (input.Turn is { } body)
        {
            _turn = (session.Mark, transcript.Mark);
            var turn = TurnInput.Parse(body, format);
            session.AddUser(turn);
            transcript.Add("user", turn.Text, time);
        }

        SystemPrompt = input.SystemPrompt ?? SystemPrompt;
        if (input.ClearHistory is true)
        {
            session.RollBack(0);
            transcript.RollBack(0);
        }
    }

    private void Take(InferenceOutputDocument answer, DateTimeOffset time)
    {
        session.RestoreAnswer(answer.Message);
        _lastText = answer.Text;
        if (answer.Text.Length > 0)
        {
            transcript.Add("assistant", answer.Text, time);
        }

        _calls.Clear();
        _calls.AddRange(answer.ToolCalls);
    }

    private void TakeResults(IReadOnlyList<ToolResultDocument>? results, DateTimeOffset? time)
    {
        if (results is null or [])
        {
            return;
        }

        session.AddToolResults([.. results.Select(result => new ToolResult(result.Id, result.Name, new ToolOutput(result.Output, result.IsError)))]);
        foreach (var result in results)
        {
            transcript.Add("tool", result.Output, time);
        }

        _calls.Clear();
    }

    private void Take(AgentOutputDocument end, DateTimeOffset? time)
    {
        if (end.End == "undone" && _turn is var (toSession, toTranscript))
        {
            session.RollBack(toSession);
            transcript.RollBack(toTranscript);
        }

        TakeResults(end.ToolResults, time);
        if (end.Note is { } note)
        {
            session.AddAssistant(note);
            transcript.Add("assistant", note, time);
        }

        _calls.Clear();
        _turn = null;
    }

    // What is not the runtime's own form was not written by it, and so is no part of its conversation.
    private static T? Read<T>(string text, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(text, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private sealed class Action(string callId)
    {
        public string CallId => callId;

        public bool IsCommitted { get; set; }

        public string? Refusal { get; set; }

        public ActionOutputDocument? Output { get; set; }
    }
}
