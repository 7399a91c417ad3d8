using AgentKernel.AgentBus.Deciding;
using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentBus.Buses;

/// <summary>What a log says, read entry by entry: its policy, and what is not decided. Used by one reader at a time.</summary>
internal sealed class BusState(BusPolicy policy)
{
    private readonly SortedDictionary<long, UndecidedIntention> _undecided = [];

    public BusPolicy Policy { get; private set; } = policy;

    /// <summary>What is not decided, by id.</summary>
    public IReadOnlyDictionary<long, UndecidedIntention> Undecided => _undecided;

    /// <summary>Takes up the next entry.</summary>
    public void Apply(BusEntry entry)
    {
        var payload = entry.Payload;
        switch (payload.PayloadCase)
        {
            case Payload.PayloadOneofCase.Intention:
                var id = entry.Header.LogPosition;
                _undecided[id] = new(id, payload.Intention, DateTimeOffset.FromUnixTimeMilliseconds(entry.Header.RtTimestampMs));
                break;
            case Payload.PayloadOneofCase.Vote:
                _undecided.GetValueOrDefault(payload.Vote.IntentionId)?.Add(payload.Vote);
                break;
            case Payload.PayloadOneofCase.Commit:
                _undecided.Remove(payload.Commit.IntentionId);
                break;
            case Payload.PayloadOneofCase.Abort:
                _undecided.Remove(payload.Abort.IntentionId);
                break;
            case Payload.PayloadOneofCase.DeciderPolicy:
            case Payload.PayloadOneofCase.Control:
                ChangePolicy(Policy.After(payload));
                break;
        }
    }

    /// <summary>An intention that the reader of this state has just decided itself.</summary>
    public void Decided(long intentionId) => _undecided.Remove(intentionId);

    private void ChangePolicy(BusPolicy policy)
    {
        var changed = Policy.Voters.Where(before => !policy.Voters.TryGetValue(before.Key, out var after) || !after.Equals(before.Value)).Select(before => before.Key).ToList();
        foreach (var intention in _undecided.Values)
        {
            changed.ForEach(intention.Forget);
        }

        Policy = policy;
    }
}
