using System.Diagnostics;
using AgentKernel.AgentRuntime.Bundles;
using AgentKernel.AgentRuntime.Bus;
using AgentKernel.AgentRuntime.Configuration;
using AgentKernel.AgentRuntime.Providers;
using AgentKernel.AgentRuntime.Telemetry;
using AgentKernel.AgentRuntime.Tools;

namespace AgentKernel.AgentRuntime.Conversation;

/// <summary>The agent: its one conversation, its tools, and what it has used. Knows nothing of how it is reached.</summary>
internal sealed class Agent(
    AgentConfig config, IModelProvider provider, ToolSet tools, BundleSet bundles, AgentTelemetry telemetry, BusJournal? journal, TimeProvider clock) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly TurnGate _gate = new();
    private readonly IModelSession _session = provider.Open(tools.Definitions);
    private readonly Lock _counting = new();
    private readonly SemaphoreSlim _recovering = new(1);
    private Task _warmUp = Task.CompletedTask;
    private bool _hasRecovered = journal is null;
    private string _systemPrompt = config.SystemPrompt;
    private AgentTotals _totals = new(0, TokenUsage.None);

    public AgentConfig Config => config;

    public IReadOnlyList<ToolDefinition> Tools => tools.Definitions;

    public BundleSet Bundles => bundles;

    /// <summary>Null where the agent has no bus.</summary>
    public BusSettings? Bus => config.Bus;

    public Transcript Transcript { get; } = new(clock);

    public DateTimeOffset StartedAt { get; } = clock.GetUtcNow();

    /// <summary>Is cancelled when the agent is told to stop.</summary>
    public CancellationToken Stopping => _stopping.Token;

    public AgentTotals Totals
    {
        get
        {
            lock (_counting)
                return _totals;
        }
    }

    /// <summary>Lets the next turn in; null when another one is running.</summary>
    public Task<TurnPass?> TryEnterAsync(CancellationToken gone) => _gate.TryEnterAsync(gone);

    /// <summary>Loads what the first turn would have to wait for, in the background.</summary>
    public void WarmUp()
    {
        if (ModelProviders.Missing(config.Model) is null)
            _warmUp = Task.Run(provider.WarmUp);
        if (journal is not null)
            _warmUp = Task.WhenAll(_warmUp, Task.Run(() => RecoverAsync(_stopping.Token)));
    }

    /// <summary>Brings the conversation back that an earlier process of this agent had, unless that is done.</summary>
    /// <returns>Why that is not possible now; null when it is done.</returns>
    public async Task<string?> RecoverAsync(CancellationToken cancellationToken)
    {
        if (journal is null || Volatile.Read(ref _hasRecovered))
            return null;
        await _recovering.WaitAsync(cancellationToken);
        try
        {
            if (!_hasRecovered)
            {
                _systemPrompt = await journal.RecoverAsync(_session, Transcript, cancellationToken) ?? _systemPrompt;
                Volatile.Write(ref _hasRecovered, true);
            }
            return null;
        }
        catch (BusException e) when (config.Bus!.DisableSafety)
        {
            // It is there for looking on alone, so that it holds nothing up.
            Diagnostics.Write($"the agent bus cannot be read, so the conversation begins anew: {e.Message}");
            Volatile.Write(ref _hasRecovered, true);
            return null;
        }
        catch (BusException e)
        {
            Diagnostics.Write($"the agent bus cannot be read: {e.Message}");
            return $"the agent bus cannot be read, so the agent does not know its conversation: {e.Message}";
        }
        finally
        {
            _recovering.Release();
        }
    }

    /// <summary>Runs a turn and tells <paramref name="open"/>'s sink of it. Fails only before that is opened.</summary>
    /// <param name="pass">The right to do so.</param>
    /// <param name="span">The turn's span, to be told how it went; null where there is none.</param>
    /// <param name="open">Called once the input is accepted.</param>
    /// <exception cref="TurnInputException">The provider cannot take the content; nothing has changed.</exception>
    public async Task RunTurnAsync(TurnPass pass, TurnInput input, Activity? span, Func<TurnSink> open)
    {
        TurnSink? sink = null;
        var turn = new Turn(_session, tools, Transcript, (input.System ?? _systemPrompt) + bundles.Prompt, config.MaxSteps, journal, told => sink!(told), telemetry);
        turn.Begin(input);
        sink = open();
        telemetry.Asked(span, input.Text);
        var error = await RunAsync(turn, pass.Gone);
        AgentTelemetry.SetUsage(span, turn.Usage);
        if (error is not null)
            AgentTelemetry.Fail(span, pass.Gone.IsCancellationRequested ? "canceled" : "turn_failed");
        lock (_counting)
            _totals = new AgentTotals(_totals.Turns + 1, _totals.Usage + turn.Usage);
        try
        {
            if (error is not null)
                await sink(new TurnError(error));
            await sink(new TurnUsage(turn.Usage));
            await sink(new TurnDone());
        }
        catch (OperationCanceledException)
        {
            // The caller has gone; there is nobody to tell.
        }
    }

    public bool TrySetSystemPrompt(string prompt) => TryChange(() =>
    {
        _systemPrompt = prompt;
        journal?.SystemPromptSet(prompt);
    });

    public bool TryClearHistory() => TryChange(() =>
    {
        _session.RollBack(0);
        Transcript.RollBack(0);
        journal?.HistoryCleared();
    });

    /// <summary>Tells the running turn to end; later ones end at once.</summary>
    public Task StopAsync() => _stopping.CancelAsync();

    public async ValueTask DisposeAsync()
    {
        await tools.DisposeAsync();
        // What went wrong there has been told to the first turn.
        await _warmUp.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _recovering.Dispose();
        _stopping.Dispose();
    }

    /// <returns>Why the turn failed; null when it ended well.</returns>
    private async Task<string?> RunAsync(Turn turn, CancellationToken gone)
    {
        try
        {
            await turn.RunAsync(gone);
            return null;
        }
        catch (OperationCanceledException) when (gone.IsCancellationRequested)
        {
            var reason = _stopping.IsCancellationRequested ? "the agent is stopping" : "the turn was cancelled";
            turn.CloseUnfinished(cancelled: true, reason);
            return reason;
        }
        // The one place where a turn's failure becomes words, whatever it was: the stream must have its end.
        catch (Exception e)
        {
            var reason = Explain(e);
            turn.CloseUnfinished(cancelled: false, reason);
            return reason;
        }
    }

    private string Explain(Exception exception)
    {
        if (exception is TurnFailedException)
            return exception.Message;
        if (provider.Explain(exception) is { } explanation)
            return StrikeOutSecrets(explanation);
        Diagnostics.Write(StrikeOutSecrets($"a turn failed: {exception}"));
        return $"the agent failed inside ({exception.GetType().Name}); its log says more";
    }

    private string StrikeOutSecrets(string text)
    {
        foreach (var secret in config.Secrets)
            text = text.Replace(secret, "***", StringComparison.Ordinal);
        return text;
    }

    private bool TryChange(Action change)
    {
        using var pass = _gate.TryEnterNow();
        if (pass is null)
            return false;
        change();
        return true;
    }
}

/// <param name="Turns">How many turns have ended.</param>
internal sealed record AgentTotals(int Turns, TokenUsage Usage);
