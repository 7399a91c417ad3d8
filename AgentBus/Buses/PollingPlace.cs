using AgentKernel.AgentBus.Deciding;
using AgentKernel.AgentBus.Log;
using AgentKernel.AgentBus.Voting;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;

namespace AgentKernel.AgentBus.Buses;

/// <summary>Asks the voters that the service runs, each at most once an intention, and appends their votes. Used by one caller.</summary>
internal sealed partial class PollingPlace(string busId, IBusLog log, VoterCatalog catalog, ILogger logger) : IAsyncDisposable
{
    private readonly Dictionary<(long Intention, string Voter), Asked> _asked = [];
    private readonly List<Asked> _letGo = [];
    private readonly Dictionary<string, (Voter Settings, IVoter? Voter)> _voters = [];

    /// <summary>Asks whoever has not voted; lets go of voters whose vote no longer counts.</summary>
    public void Ask(BusPolicy policy, IEnumerable<UndecidedIntention> undecided)
    {
        var open = policy.Decider is DeciderPolicy.FirstBooleanWins ? undecided.ToDictionary(intention => intention.Id) : [];
        foreach (var (key, asked) in _asked.Where(asked => !open.ContainsKey(asked.Key.Intention) || !Equals(policy.Voters.GetValueOrDefault(asked.Key.Voter), asked.Value.Settings)).ToList())
        {
            // It may take its time to notice; meanwhile the voter that came in its place is asked.
            asked.Cancel();
            _asked.Remove(key);
            _letGo.Add(asked);
        }

        foreach (var ended in _letGo.FindAll(asked => asked.Task.IsCompleted))
        {
            _letGo.Remove(ended);
            ended.Dispose();
        }

        foreach (var (intention, (voterId, settings)) in open.Values.SelectMany(_ => policy.Voters, (intention, voter) => (intention, voter)))
        {
            if (intention.VoteOf(voterId) is null && !_asked.ContainsKey((intention.Id, voterId)) && VoterOf(voterId, settings) is { } voter)
            {
                var asked = new Asked(settings);
                _asked.Add((intention.Id, voterId), asked);
                asked.Task = VoteAsync(intention, voterId, settings, voter, asked.Token);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _letGo.AddRange(_asked.Values);
        _letGo.ForEach(asked => asked.Cancel());
        await Task.WhenAll(_letGo.Select(asked => asked.Task));
        _letGo.ForEach(asked => asked.Dispose());
    }

    private IVoter? VoterOf(string id, Voter settings)
    {
        if (!_voters.TryGetValue(id, out var known) || !known.Settings.Equals(settings))
        {
            try
            {
                known = (settings, catalog.Create(settings));
            }
            catch (RpcException exception)
            {
                // It was possible when the policy was set: this service is another one.
                LogNotMade(logger, busId, id, exception);
                known = (settings, new Refusing("this voter's settings are not understood any more"));
            }

            _voters[id] = known;
        }

        return known.Voter;
    }

    private async Task VoteAsync(UndecidedIntention intention, string voterId, Voter settings, IVoter voter, CancellationToken cancellationToken)
    {
        using var activity = BusTrace.Source.StartActivity("vote");
        Ballot ballot;
        try
        {
            var text = intention.Intention.StringIntention;
            ballot = await voter.VoteAsync(new(busId, intention.Id, text, ToolCallIntention.Parse(text), count => ReadBefore(intention.Id, count)), cancellationToken);
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            return; // nobody waits for it any more, whatever it would have said
        }
        catch (Exception exception)
        {
            // Whatever it was: a voter that fails must not be a way past it.
            LogFailed(logger, busId, voterId, exception);
            ballot = new Ballot.No("this voter has failed, so it does not allow anything");
        }

        try
        {
            var vote = VoteOf(intention.Id, voterId, settings, ballot);
            await log.AppendAsync(new() { Vote = vote }, CancellationToken.None);
            BusTrace.Voted(activity, busId, vote);
        }
        catch (Exception exception) when (exception is BusLogException or ObjectDisposedException)
        {
            LogFailed(logger, busId, voterId, exception); // without the vote nothing is committed
        }
    }

    private static Vote VoteOf(long intentionId, string voterId, Voter settings, Ballot ballot)
    {
        var vote = new Vote { IntentionId = intentionId, VoterId = voterId, Reason = ballot.Reason, VoterConfig = new() { Custom = Any.Pack(settings) } };
        vote.AbstractVote = ballot switch
        {
            Ballot.Yes => new() { BooleanVote = true },
            Ballot.No => new() { BooleanVote = false },
            Ballot.Probability probability => new() { ProbabilityVote = probability.Safe },
            _ => null,
        };
        return vote;
    }

    private IReadOnlyList<BusEntry> ReadBefore(long position, int count) =>
        log.Read(Math.Max(position - count, log.First), position, Math.Max(count, 1), PayloadKinds.All).Entries;

    [LoggerMessage(LogLevel.Error, "voter {Voter} of bus {BusId} failed")]
    private static partial void LogFailed(ILogger logger, string busId, string voter, Exception exception);

    [LoggerMessage(LogLevel.Error, "voter {Voter} of bus {BusId} could not be made from what the log says")]
    private static partial void LogNotMade(ILogger logger, string busId, string voter, Exception exception);

    private sealed class Refusing(string reason) : IVoter
    {
        public Task<Ballot> VoteAsync(IntentionCase intention, CancellationToken cancellationToken) => Task.FromResult<Ballot>(new Ballot.No(reason));
    }

    private sealed class Asked(Voter settings) : IDisposable
    {
        private readonly CancellationTokenSource _cancel = new();

        public Voter Settings { get; } = settings;

        public CancellationToken Token => _cancel.Token;

        public Task Task { get; set; } = Task.CompletedTask;

        public void Cancel() => _cancel.Cancel();

        public void Dispose() => _cancel.Dispose();
    }
}
