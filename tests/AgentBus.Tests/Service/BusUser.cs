using AgentKernel.AgentBus.Tests.Log;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;
using AgentKernel.Rpc;

namespace AgentKernel.AgentBus.Tests.Service;

/// <summary>Someone who calls one bus with one secret.</summary>
internal sealed record BusUser(RpcChannel Channel, string BusId, string Secret)
{
    private RpcCallOptions Options => new() { BearerToken = Secret };

    public async Task<long> AppendAsync(Payload payload) =>
        (await Channel.CallAsync(AgentBusMethods.Append, new AppendRequest { AgentBusId = BusId, Payload = payload }, Options, Patience.Token)).LogPosition;

    public Task<long> IntendAsync(string text) => AppendAsync(Entries.Intention(text));

    public Task<long> VoteAsync(long intentionId, bool yes, string voterId = "", string reason = "") =>
        AppendAsync(new() { Vote = new() { IntentionId = intentionId, VoterId = voterId, Reason = reason, AbstractVote = new() { BooleanVote = yes } } });

    public Task<PollResponse> PollAsync(long start = 0, int max = 1000, params SelectivePollType[] kinds)
    {
        var request = new PollRequest { BusId = new() { AgentBusId = BusId }, StartLogPosition = start, MaxEntries = max };
        if (kinds.Length > 0)
        {
            request.Filter = new() { PayloadTypes = { kinds } };
        }

        return Channel.CallAsync(AgentBusMethods.Poll, request, Options, Patience.Token);
    }

    public async Task<BlockingPollResponse> BlockingPollAsync(long start, int timeoutMs, params SelectivePollType[] kinds) =>
        await Channel.CallAsync(
            AgentBusMethods.BlockingPoll,
            new BlockingPollRequest { AgentBusId = BusId, StartLogPosition = start, MaxEntries = 100, TimeoutMs = timeoutMs, Filter = new() { PayloadTypes = { kinds } } },
            Options,
            Patience.Token);

    public async Task<long> TailAsync() => (await Channel.CallAsync(AgentBusMethods.CheckTail, new CheckTailRequest { AgentBusId = BusId }, Options, Patience.Token)).TailPosition;

    /// <summary>The decision on an intention, once there is one: whether it commits, and why.</summary>
    public async Task<(bool Commits, string Reason)> DecisionAsync(long intentionId)
    {
        var start = intentionId;
        var patience = Patience.Token;
        while (true)
        {
            patience.ThrowIfCancellationRequested();
            var page = await BlockingPollAsync(start, 10_000, SelectivePollType.Commit, SelectivePollType.Abort);
            foreach (var payload in page.Entries.Select(entry => entry.Payload))
            {
                if (payload.Commit?.IntentionId == intentionId)
                {
                    return (true, payload.Commit.Reason);
                }

                if (payload.Abort?.IntentionId == intentionId)
                {
                    return (false, payload.Abort.Reason);
                }
            }

            start = page.NextStartPosition;
        }
    }

    /// <summary>The votes on an intention, once there are so many.</summary>
    public async Task<IReadOnlyList<Vote>> VotesAsync(long intentionId, int count)
    {
        var votes = new List<Vote>();
        var start = intentionId;
        var patience = Patience.Token;
        while (votes.Count < count)
        {
            patience.ThrowIfCancellationRequested();
            var page = await BlockingPollAsync(start, 10_000, SelectivePollType.Vote);
            votes.AddRange(page.Entries.Select(entry => entry.Payload.Vote).Where(vote => vote.IntentionId == intentionId));
            start = page.NextStartPosition;
        }

        return votes;
    }
}
