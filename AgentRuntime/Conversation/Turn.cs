using System.Text;
using AgentKernel.AgentRuntime.Bus;
using AgentKernel.AgentRuntime.Providers;
using AgentKernel.AgentRuntime.Telemetry;
using AgentKernel.AgentRuntime.Tools;

namespace AgentKernel.AgentRuntime.Conversation;

/// <summary>
/// One turn: the model is called, its tool calls are run and answered, and it is called again, until it
/// stops. However it ends, the history is one that vendors accept: every tool call has its result.
/// </summary>
internal sealed class Turn(IModelSession session, ToolSet tools, Transcript transcript, string systemPrompt, int maxSteps, BusJournal? journal, TurnSink sink, AgentTelemetry telemetry)
{
    private readonly (int Session, int Transcript) _start = (session.Mark, transcript.Mark);
    private readonly StringBuilder _unfinishedText = new();
    private readonly List<ModelToolCall> _calls = [];
    private readonly List<ToolResult> _results = [];
    private bool _hasAnswer;
    // What the model has not been told of before.
    private string? _newText;
    private List<ToolResult> _newResults = [];
    private string _lastText = "";

    /// <summary>What the whole model calls of the turn have used.</summary>
    public TokenUsage Usage { get; private set; } = TokenUsage.None;

    /// <exception cref="TurnInputException">The provider cannot take the content; nothing has changed.</exception>
    public void Begin(TurnInput input)
    {
        session.AddUser(input);
        transcript.Add("user", input.Text);
        _newText = input.Text;
        journal?.TurnBegins(input);
    }

    /// <exception cref="TurnFailedException">The model refused, was cut off, or took too many steps.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        for (var step = 0; step < maxSteps; step++)
        {
            var end = await CallModelAsync(cancellationToken);
            if (_calls.Count > 0)
                await RunToolsAsync(cancellationToken);
            else if (end.Stop != ModelStop.Paused)
            {
                ThrowUnlessFinished(end.Stop);
                journal?.TurnEnds("done", _lastText, error: null, [], note: null);
                return;
            }
        }
        throw new TurnFailedException($"the turn was stopped after {maxSteps} model calls (max_steps)");
    }

    /// <summary>
    /// Leaves a consistent history behind a turn that did not end by itself. One that failed before the model
    /// had answered anything leaves no trace, so that it can be sent again; else what was done stays known.
    /// </summary>
    /// <param name="reason">Why, for the bus.</param>
    public void CloseUnfinished(bool cancelled, string reason)
    {
        if (!_hasAnswer && !cancelled)
        {
            session.RollBack(_start.Session);
            transcript.RollBack(_start.Transcript);
            journal?.TurnEnds("undone", "", reason, [], note: null);
            return;
        }
        if (_calls.Count > 0)
            AnswerCalls();
        var note = cancelled ? "[The turn was cancelled here.]" : "[The turn ended here with an error.]";
        var text = _unfinishedText.Length > 0 ? $"{_unfinishedText.ToString().TrimEnd()}\n{note}" : note;
        session.AddAssistant(text);
        transcript.Add("assistant", text);
        journal?.TurnEnds(cancelled ? "cancelled" : "failed", _lastText, reason, _newResults, text);
    }

    private async Task<ModelEnd> CallModelAsync(CancellationToken cancellationToken)
    {
        ModelEnd? end = null;
        var calls = new List<ModelToolCall>();
        journal?.ModelIsAsked(systemPrompt, session.Mark, _newText, _newResults);
        (_newText, _newResults) = (null, []);
        using var told = telemetry.BeginModelCall();
        try
        {
            await foreach (var modelEvent in session.CallAsync(systemPrompt, cancellationToken))
            {
                told.Chunk();
                switch (modelEvent)
                {
                    case ModelText text:
                        _unfinishedText.Append(text.Text);
                        await sink(new TurnText(text.Text));
                        break;
                    case ModelThinking thinking:
                        await sink(new TurnThinking(thinking.Text));
                        break;
                    case ModelToolCall call:
                        calls.Add(call);
                        break;
                    case ModelEnd reached:
                        end = reached;
                        told.Ended(reached, systemPrompt, _unfinishedText);
                        AcceptAnswer(reached, calls);
                        break;
                }
            }
        }
        catch (Exception e)
        {
            told.Failed(e);
            throw;
        }

        if (end is null)
            throw new InvalidOperationException("the model call ended without its end");
        journal?.ModelHasAnswered(_lastText, calls, end, session.SaveAnswer());
        return end;
    }

    // From here on the model's message is in the history, and its calls want results.
    private void AcceptAnswer(ModelEnd end, List<ModelToolCall> calls)
    {
        _hasAnswer = true;
        _calls.AddRange(calls);
        Usage += end.Usage;
        if (_unfinishedText.Length > 0)
            transcript.Add("assistant", _unfinishedText.ToString());
        _lastText = _unfinishedText.ToString();
        _unfinishedText.Clear();
    }

    private async Task RunToolsAsync(CancellationToken cancellationToken)
    {
        foreach (var call in _calls)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await sink(new TurnToolCall(call.Id, call.Name, call.InputJson));
            var output = await RunToolAsync(call, cancellationToken);
            _results.Add(new ToolResult(call.Id, call.Name, output));
            await sink(new TurnToolResult(call.Id, call.Name, output.Text, output.IsError));
        }
        AnswerCalls();
    }

    private async Task<ToolOutput> RunToolAsync(ModelToolCall call, CancellationToken cancellationToken)
    {
        using var span = telemetry.BeginTool(call.Name, call.Id, call.InputJson);
        try
        {
            var output = journal is null
                ? await tools.RunAsync(call.Name, call.InputJson, cancellationToken)
                : await journal.RunAsync(call, tools.Workspace, tools.Folder, () => tools.RunAsync(call.Name, call.InputJson, cancellationToken), cancellationToken);
            telemetry.EndTool(span, output.Text, output.IsError);
            return output;
        }
        catch (Exception e)
        {
            AgentTelemetry.Fail(span, e is OperationCanceledException ? "canceled" : e.GetType().FullName!);
            throw;
        }
    }

    private void AnswerCalls()
    {
        foreach (var call in _calls.Skip(_results.Count).ToList())
            _results.Add(new ToolResult(call.Id, call.Name, ToolOutput.Error("Cancelled before it was done; it may have had effects.")));
        session.AddToolResults([.. _results]);
        foreach (var result in _results)
            transcript.Add("tool", result.Output.Text);
        _newResults = [.. _results];
        _calls.Clear();
        _results.Clear();
    }

    private static void ThrowUnlessFinished(ModelStop stop)
    {
        if (stop == ModelStop.OutputLimit)
            throw new TurnFailedException("the answer was cut off at the model's output limit");
        if (stop == ModelStop.Refused)
            throw new TurnFailedException("the model refused to answer");
    }
}

/// <summary>The turn cannot go on; the message is for the agent's owner.</summary>
internal sealed class TurnFailedException(string message) : Exception(message);
