using System.Globalization;
using System.Text.Json;
using AgentKernel.AgentRuntime.Configuration;
using AgentKernel.AgentRuntime.Conversation;
using AgentKernel.AgentRuntime.Providers;
using AgentKernel.AgentRuntime.Tools;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentRuntime.Bus;

/// <summary>What the agent writes on its bus: all that it is told and says, and before each action the question whether it may.</summary>
internal sealed class BusJournal : IAsyncDisposable
{
    private static readonly string s_home = Environment.GetEnvironmentVariable("HOME") is { Length: > 0 } home ? home : Environment.CurrentDirectory;

    private readonly AgentConfig _config;
    private readonly BusSettings _settings;
    private readonly IAgentBus _bus;
    private readonly MemoryBusServer? _server;
    private readonly Outbox _outbox;
    private readonly Decisions _decisions;
    // Entries of this process begin with what no other process of the agent has.
    private readonly string _process = Guid.NewGuid().ToString("N")[..12];
    private int _entries;

    private BusJournal(AgentConfig config, BusSettings settings, IAgentBus bus, MemoryBusServer? server, TimeProvider clock)
    {
        (_config, _settings, _bus, _server) = (config, settings, bus, server);
        _outbox = new(bus);
        _decisions = new(bus, clock);
    }

    public BusSettings Settings => _settings;

    /// <exception cref="ConfigException">The port of an in-process bus cannot be listened on.</exception>
    public static async Task<BusJournal> OpenAsync(AgentConfig config, BusSettings settings, TimeProvider clock)
    {
        switch (settings.Place)
        {
            case RemoteBusAddress address:
                return new(config, settings, new RemoteBus(address, settings.BusId, settings.Token), null, clock);
            case InProcessBus { Port: { } port }:
                var shown = new MemoryBus(clock);
                // Who reads the agent's config file may read its bus.
                return new(config, settings, shown, await MemoryBusServer.StartAsync(shown, port, settings.BusId, settings.Token ?? config.ChannelToken), clock);
            default:
                return new(config, settings, new MemoryBus(clock), null, clock);
        }
    }

    /// <summary>Brings back what an earlier process of this agent has left on the bus, and closes what it left open.</summary>
    /// <returns>The system prompt that was set last; null where none was.</returns>
    /// <exception cref="BusException">The bus cannot be read; nothing has changed.</exception>
    public async Task<string?> RecoverAsync(IModelSession session, Transcript transcript, CancellationToken cancellationToken)
    {
        var log = new List<BusEntry>();
        for (var complete = false; !complete;)
        {
            var (page, isLast) = await _bus.ReadAsync(log.Count == 0 ? 0 : log[^1].Header.LogPosition + 1, cancellationToken);
            log.AddRange(page);
            complete = isLast || page.Count == 0;
        }

        var replay = new Replay(session, transcript, _config.TransportFormat);
        try
        {
            log.ForEach(replay.Apply);
        }
        catch (Exception e) when (e is JsonException or TurnInputException or InvalidOperationException or FormatException)
        {
            // Half a conversation is worse than none.
            session.RollBack(0);
            transcript.RollBack(0);
            throw new BusException($"what stands on it does not make a conversation ({e.Message})", inner: e);
        }

        Input(new(NextId(), Started: new(_settings.Safety, _config.Model.Provider, _config.Model.Model)));
        if (replay.Close() is var (end, actions))
        {
            foreach (var (intentionId, action) in actions)
            {
                Action(intentionId, action);
            }

            Output(end with { Id = NextId() });
        }

        return replay.SystemPrompt;
    }

    public void TurnBegins(TurnInput input) => Input(new(NextId(), Turn: input.Body));

    public void SystemPromptSet(string prompt) => Input(new(NextId(), SystemPrompt: prompt));

    public void HistoryCleared() => Input(new(NextId(), ClearHistory: true));

    /// <exception cref="TurnFailedException">The bus has not been reached for too long.</exception>
    /// <param name="messages">How many messages the model is sent.</param>
    /// <param name="user">What the user said, where that is new.</param>
    /// <param name="results">What came of the model's calls, where that is new.</param>
    public void ModelIsAsked(string systemPrompt, int messages, string? user, IReadOnlyList<ToolResult> results)
    {
        _outbox.ThrowIfFull();
        var document = new InferenceInputDocument(NextId(), _config.Model.Provider, _config.Model.Model, systemPrompt, messages, user, Describe(results));
        _outbox.Add(new() { InferenceInput = new() { StringInferenceInput = JsonSerializer.Serialize(document, BusJson.Default.InferenceInputDocument) } });
    }

    /// <param name="message">The answer as the vendor wants it back.</param>
    public void ModelHasAnswered(string text, IReadOnlyList<ModelToolCall> calls, ModelEnd end, JsonElement message)
    {
        var document = new InferenceOutputDocument(
            NextId(), text, [.. calls.Select(call => new ToolCallDocument(call.Id, call.Name, call.InputJson))], $"{end.Stop}", end.Usage.Input, end.Usage.Output, message);
        _outbox.Add(new() { InferenceOutput = new() { StringInferenceOutput = JsonSerializer.Serialize(document, BusJson.Default.InferenceOutputDocument) } });
    }

    public void TurnEnds(string end, string text, string? error, IReadOnlyList<ToolResult> results, string? note) =>
        Output(new(NextId(), end, text, error, Describe(results), note));

    /// <summary>Asks the bus, and runs the call where it may.</summary>
    /// <returns>What the model is told.</returns>
    public async Task<ToolOutput> RunAsync(ModelToolCall call, string workspace, string folder, Func<Task<ToolOutput>> run, CancellationToken cancellationToken)
    {
        if (ReadArguments(call.InputJson) is not { } arguments)
        {
            return await run(); // not JSON: the tools refuse it by themselves
        }

        var intention = new ToolCallIntention(call.Name, arguments, call.Id, workspace, s_home, folder);
        long? id = null;
        try
        {
            id = await _outbox.AppendAsync(new() { Intention = new() { StringIntention = intention.ToJson() } }, cancellationToken);
            if (!_settings.DisableSafety && await _decisions.WaitAsync(id.Value, cancellationToken) is (false, var reason))
            {
                return NotRun(id, $"the agent bus refused it: {reason}");
            }
        }
        catch (BusException e) when (_settings.DisableSafety)
        {
            Diagnostics.Write($"an action runs that the agent bus does not know of (disable_safety): {e.Message}");
        }
        catch (BusException e)
        {
            return NotRun(id, $"the agent bus, which has to allow it, cannot be used ({e.Message})");
        }
        catch (OperationCanceledException) when (id is { } known)
        {
            Action(known, new("not_run", "The turn was cancelled before it was decided.", IsError: true));
            throw;
        }

        return await RunAllowedAsync(id, run);
    }

    public async ValueTask DisposeAsync()
    {
        await _outbox.DisposeAsync();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        await _bus.DisposeAsync();
    }

    private async Task<ToolOutput> RunAllowedAsync(long? id, Func<Task<ToolOutput>> run)
    {
        try
        {
            var output = await run();
            Action(id, new("done", output.Text, output.IsError));
            return output;
        }
        catch (OperationCanceledException)
        {
            Action(id, new("cancelled", "Cancelled before it was done; it may have had effects.", IsError: true));
            throw;
        }
    }

    private ToolOutput NotRun(long? id, string reason)
    {
        var output = ToolOutput.Error($"This was not run: {reason}.");
        Action(id, new("not_run", output.Text, IsError: true));
        return output;
    }

    private static JsonElement? ReadArguments(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind is JsonValueKind.Object ? document.RootElement.Clone() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static IReadOnlyList<ToolResultDocument>? Describe(IReadOnlyList<ToolResult> results) =>
        results.Count == 0 ? null : [.. results.Select(result => new ToolResultDocument(result.CallId, result.Name, result.Output.Text, result.Output.IsError))];

    private void Input(AgentInputDocument document) =>
        _outbox.Add(new() { AgentInput = new() { StringAgentInput = JsonSerializer.Serialize(document, BusJson.Default.AgentInputDocument) } });

    private void Output(AgentOutputDocument document) =>
        _outbox.Add(new() { AgentOutput = new() { StringAgentOutput = JsonSerializer.Serialize(document, BusJson.Default.AgentOutputDocument) } });

    private void Action(long? intentionId, ActionOutputDocument document)
    {
        if (intentionId is { } id)
        {
            _outbox.Add(new() { ActionOutput = new() { IntentionId = id, StringActionOutput = JsonSerializer.Serialize(document, BusJson.Default.ActionOutputDocument) } });
        }
    }

    private string NextId() => string.Create(CultureInfo.InvariantCulture, $"{_process}-{++_entries}");
}
