using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentBus.Deciding;

/// <summary>An intention that is not decided, and the votes on it. A voter's first vote counts.</summary>
internal sealed class UndecidedIntention(long id, Intention intention, DateTimeOffset intendedAt)
{
    private readonly List<Vote> _votes = [];

    /// <summary>Its position on the log.</summary>
    public long Id { get; } = id;

    public Intention Intention { get; } = intention;

    public DateTimeOffset IntendedAt { get; } = intendedAt;

    /// <summary>The votes that count, in the order of the log.</summary>
    public IReadOnlyList<Vote> Votes => _votes;

    public Vote? VoteOf(string voterId) => _votes.Find(vote => vote.VoterId == voterId);

    public void Add(Vote vote)
    {
        if (VoteOf(vote.VoterId) is null)
        {
            _votes.Add(vote);
        }
    }

    /// <summary>Forgets the vote of a voter that was changed: it votes again, as what it is now.</summary>
    public void Forget(string voterId) => _votes.RemoveAll(vote => vote.VoterId == voterId);
}
