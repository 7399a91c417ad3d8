using AgentKernel.AgentBus.Deciding;
using AgentKernel.AgentBus.Log;
using AgentKernel.AgentBus.Voting;
using AgentKernel.Contracts.Bus;
using AgentKernel.Rpc;
using Microsoft.Extensions.Logging;

namespace AgentKernel.AgentBus.Buses;

/// <summary>
/// One bus: its log, and the one task that reads it, asks the voters and decides. All that it knows comes from the log, so
/// that a service that starts anew goes on where the one before was.
/// </summary>
internal sealed partial class Bus : IAsyncDisposable
{
    private const int PageEntries = 1000;

    private static readonly PayloadKinds StateKinds = PayloadKinds.Of(
        Payload.PayloadOneofCase.Intention, Payload.PayloadOneofCase.Vote, Payload.PayloadOneofCase.Commit, Payload.PayloadOneofCase.Abort,
        Payload.PayloadOneofCase.DeciderPolicy, Payload.PayloadOneofCase.Control);

    private readonly AgentBusOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly VoterCatalog _voters;
    private readonly PollingPlace _polling;
    private readonly CancellationTokenSource _closing = new();
    private readonly SemaphoreSlim _policyGate = new(1);
    private readonly TailSignal _applied;
    private readonly Lock _stateLock = new();
    private readonly BusState _state;
    private readonly Task _deciding;
    private volatile BusRegistration _registration;
    private BusPolicy _firstPolicy; // before the log's first entry

    /// <summary>Opens a bus on its log, which is then the bus's to close.</summary>
    /// <param name="policy">The policy before the log's first entry.</param>
    public Bus(BusRegistration registration, IBusLog log, BusPolicy policy, VoterCatalog voters, AgentBusOptions options, TimeProvider time, ILogger logger)
    {
        (_registration, Log, _voters, _options, _time, _logger) = (registration, log, voters, options, time, logger);
        _polling = new(registration.BusId, log, voters, logger);
        _state = new(policy);
        _firstPolicy = policy;
        _applied = new(log.First);
        _deciding = DecideAsync();
    }

    public string Id => _registration.BusId;

    public IBusLog Log { get; }

    /// <summary>Whose it is.</summary>
    public BusRegistration Registration
    {
        get => _registration;
        set => _registration = value;
    }

    /// <summary>The policy, as far as the log has been read.</summary>
    public BusPolicy Policy
    {
        get
        {
            lock (_stateLock)
            {
                return _state.Policy;
            }
        }
    }

    /// <summary>What is not decided, with when it is aborted and whether a human has to vote.</summary>
    public IReadOnlyList<OpenIntention> OpenIntentions()
    {
        lock (_stateLock)
        {
            return [.. _state.Undecided.Values.Select(intention => new OpenIntention(
                intention.Id, intention.Intention.StringIntention, intention.IntendedAt, DeadlineOf(intention), Decider.WaitsForHuman(_state.Policy, intention)))];
        }
    }

    /// <summary>Appends what the agent intends, unless too much of it waits already.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED.</exception>
    public ValueTask<long> AppendIntentionAsync(Payload payload, CancellationToken cancellationToken)
    {
        int waiting;
        lock (_stateLock)
        {
            waiting = _state.Undecided.Count;
        }

        return waiting < _options.MaxUndecided
            ? Log.AppendAsync(payload, cancellationToken)
            : throw new RpcException(RpcStatusCode.ResourceExhausted, $"{waiting} intentions of this agent wait for a decision already");
    }

    /// <summary>Appends a change of the policy, if the policy is then still what the change expects.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT or FAILED_PRECONDITION; see <see cref="BusPolicy.CheckedAfter"/>.</exception>
    public async Task<long> AppendPolicyAsync(Payload payload, CancellationToken cancellationToken)
    {
        await _policyGate.WaitAsync(cancellationToken);
        try
        {
            // Nobody else changes the policy now: what the log says up to here is the current one.
            await _applied.WaitBeyondAsync(Log.Tail - 1, cancellationToken);
            Check(payload);
            var position = await Log.AppendAsync(payload, cancellationToken);
            await _applied.WaitBeyondAsync(position, cancellationToken);
            return position;
        }
        finally
        {
            _policyGate.Release();
        }
    }

    /// <summary>
    /// Drops what is older or more than the limits say, by whole files, and nothing from the oldest undecided intention on.
    /// </summary>
    /// <param name="keepPolicy">Keeps the policy at the new beginning; called before anything is dropped.</param>
    public async Task PruneAsync(Action<BusPolicy> keepPolicy, CancellationToken cancellationToken)
    {
        if (Log is not IPrunableLog log)
        {
            return;
        }

        await _policyGate.WaitAsync(cancellationToken);
        try
        {
            await _applied.WaitBeyondAsync(log.Tail - 1, cancellationToken); // what is undecided is known
            var first = log.FirstToKeep(_options.RetainBytes, _time.GetUtcNow() - _options.RetainAge);
            lock (_stateLock)
            {
                first = Math.Min(first, _state.Undecided.Keys.Append(_applied.Tail).Min());
            }

            if (first > log.First)
            {
                keepPolicy(PolicyAt(first));
                log.DropBefore(first);
            }
        }
        finally
        {
            _policyGate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _deciding;
        await _polling.DisposeAsync();
        _applied.Dispose();
        await Log.DisposeAsync();
        _policyGate.Dispose();
        _closing.Dispose();
    }

    private BusPolicy PolicyAt(long position)
    {
        var policy = _firstPolicy;
        var next = Log.First;
        while (next < position)
        {
            var page = Log.Read(next, position, PageEntries, PayloadKinds.Of(Payload.PayloadOneofCase.DeciderPolicy, Payload.PayloadOneofCase.Control));
            policy = page.Entries.Aggregate(policy, (before, entry) => before.After(entry.Payload));
            next = page.Next;
        }

        return _firstPolicy = policy;
    }

    private void Check(Payload payload)
    {
        if (payload.PayloadCase is Payload.PayloadOneofCase.DeciderPolicy)
        {
            BusPolicy.CheckDecider("decider_policy", payload.DeciderPolicy);
            return;
        }

        var batch = payload.Control.BaseEngineControl?.PolicyBatch
            ?? throw new RpcException(RpcStatusCode.InvalidArgument, "control.base_engine_control must have policy_batch: a single voter is added and removed by one, too");
        foreach (var (id, voter) in Policy.CheckedAfter(batch).Voters.Where(voter => batch.VoterOps.ContainsKey(voter.Key)))
        {
            try
            {
                _voters.Create(voter);
            }
            catch (RpcException exception)
            {
                throw new RpcException(exception.Code, $"voter_ops.{id}: {exception.Message}", exception);
            }
        }
    }

    private async Task DecideAsync()
    {
        await Task.Yield();
        try
        {
            var next = Log.First;
            while (!_closing.IsCancellationRequested)
            {
                var page = Log.Read(next, long.MaxValue, PageEntries, StateKinds);
                Apply(page);
                next = page.Next;
                if (page.Complete && !await DecideOnceAsync())
                {
                    await WaitAsync(next);
                }
            }
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            // The bus is being closed.
        }
        catch (Exception exception) when (exception is BusLogException or ObjectDisposedException)
        {
            // Nothing is decided any more, so nothing runs.
            LogStopped(_logger, Id, exception);
        }
    }

    private void Apply(LogPage page)
    {
        lock (_stateLock)
        {
            foreach (var entry in page.Entries)
            {
                _state.Apply(entry);
            }
        }

        if (page.Next > _applied.Tail)
        {
            _applied.MoveTo(page.Next);
        }
    }

    // Whether anything was decided; what is not is put to its voters.
    private async Task<bool> DecideOnceAsync()
    {
        List<(long Id, Decision Decision)> decisions = [];
        BusPolicy policy;
        List<UndecidedIntention> undecided;
        lock (_stateLock)
        {
            policy = _state.Policy;
            undecided = [.. _state.Undecided.Values];
        }

        var now = _time.GetUtcNow();
        foreach (var intention in undecided)
        {
            if ((Decider.Decide(policy, intention) ?? (DeadlineOf(intention) <= now ? new Decision(Commits: false, "no decision was made in time") : null)) is { } decision)
            {
                decisions.Add((intention.Id, decision));
            }
        }

        foreach (var (id, decision) in decisions)
        {
            await Log.AppendAsync(decision.On(id), _closing.Token);
            lock (_stateLock)
            {
                _state.Decided(id);
            }
        }

        _polling.Ask(policy, undecided.Where(intention => !decisions.Exists(decided => decided.Id == intention.Id)));
        return decisions.Count > 0;
    }

    private async Task WaitAsync(long next)
    {
        DateTimeOffset? deadline;
        lock (_stateLock)
        {
            deadline = _state.Undecided.Count == 0 ? null : _state.Undecided.Values.Min(DeadlineOf);
        }

        if (deadline is null)
        {
            await Log.WaitBeyondAsync(next, _closing.Token);
            return;
        }

        using var timer = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        var due = deadline.Value - _time.GetUtcNow();
        await Task.WhenAny(Log.WaitBeyondAsync(next, timer.Token), Task.Delay(due > TimeSpan.Zero ? due : TimeSpan.Zero, _time, timer.Token));
        await timer.CancelAsync();
        _closing.Token.ThrowIfCancellationRequested();
    }

    private DateTimeOffset DeadlineOf(UndecidedIntention intention) => intention.IntendedAt
        + (Decider.WaitsForHuman(_state.Policy, intention) is { } human
            ? _state.Policy.Voters.GetValueOrDefault(human.VoterId)?.Human?.Timeout?.ToTimeSpan() ?? _options.HumanTimeout
            : _options.DecisionTimeout);

    [LoggerMessage(LogLevel.Error, "bus {BusId} decides nothing any more, so that its agent's actions are refused until the service starts anew")]
    private static partial void LogStopped(ILogger logger, string busId, Exception exception);
}
