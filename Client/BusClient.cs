using System.Runtime.CompilerServices;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;

namespace AgentKernel.Client;

/// <summary>The agents' buses: what stands on them, what waits for a human, and votes. With the operator's token.</summary>
public sealed class BusClient
{
    private const int PageEntries = 500;
    private const int PollMilliseconds = 30_000;

    private readonly RpcChannel _channel;

    internal BusClient(RpcChannel channel) => _channel = channel;

    /// <summary>Every bus, or the one that is named.</summary>
    public async Task<IReadOnlyList<BusSummary>> ListAsync(string busId = "", CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(BusAdminMethods.ListBuses, new() { BusId = busId }, cancellationToken: cancellationToken)).Buses;

    /// <summary>What waits for a human's vote: on every bus, or on one.</summary>
    public async Task<IReadOnlyList<PendingIntention>> PendingAsync(string busId = "", CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(BusAdminMethods.ListPending, new() { BusId = busId }, cancellationToken: cancellationToken)).Pending;

    /// <summary>The entries from a position on, of these kinds or of all, to the end as it is when that is reached.</summary>
    public async IAsyncEnumerable<BusEntry> ReadAsync(
        string busId, long start = 0, IReadOnlyCollection<SelectivePollType>? kinds = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var request = new PollRequest { BusId = new() { AgentBusId = busId }, StartLogPosition = start, MaxEntries = PageEntries, Filter = FilterOf(kinds) };
            var page = await _channel.CallAsync(AgentBusMethods.Poll, request, cancellationToken: cancellationToken);
            foreach (var entry in page.Entries)
            {
                yield return entry;
                start = entry.Header.LogPosition + 1;
            }

            if (page.Complete)
            {
                yield break;
            }
        }
    }

    /// <summary>The entries from a position on, of these kinds or of all, and then each that is appended, until the caller goes away.</summary>
    public async IAsyncEnumerable<BusEntry> FollowAsync(
        string busId, long start = 0, IReadOnlyCollection<SelectivePollType>? kinds = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var request = new BlockingPollRequest { BusId = new() { AgentBusId = busId }, StartLogPosition = start, MaxEntries = PageEntries, TimeoutMs = PollMilliseconds, Filter = FilterOf(kinds) };
            var page = await _channel.CallAsync(AgentBusMethods.BlockingPoll, request, cancellationToken: cancellationToken);
            foreach (var entry in page.Entries)
            {
                yield return entry;
            }

            start = page.NextStartPosition;
        }
    }

    /// <summary>The position of the next entry.</summary>
    public async Task<long> TailAsync(string busId, CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(AgentBusMethods.CheckTail, new() { AgentBusId = busId }, cancellationToken: cancellationToken)).TailPosition;

    /// <summary>Votes as a human.</summary>
    /// <returns>The position of the vote, which is under the id of the bus's human voter unless another one is named.</returns>
    public Task<long> VoteAsync(string busId, long intentionId, bool approve, string reason = "", string voterId = "", CancellationToken cancellationToken = default) =>
        AppendAsync(busId, new() { Vote = new() { IntentionId = intentionId, VoterId = voterId, Reason = reason, AbstractVote = new() { BooleanVote = approve } } }, cancellationToken);

    /// <summary>Appends what the operator may: votes, policies, mail.</summary>
    /// <returns>Its position.</returns>
    public async Task<long> AppendAsync(string busId, Payload payload, CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(AgentBusMethods.Append, new() { AgentBusId = busId, Payload = payload }, cancellationToken: cancellationToken)).LogPosition;

    private static PayloadTypeFilter? FilterOf(IReadOnlyCollection<SelectivePollType>? kinds) => kinds is { Count: > 0 } ? new() { PayloadTypes = { kinds } } : null;
}
