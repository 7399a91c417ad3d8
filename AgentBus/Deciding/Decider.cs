using AgentKernel.AgentBus.Buses;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;

namespace AgentKernel.AgentBus.Deciding;

/// <summary>
/// Decides intentions by the policy and the votes, and by nothing else: the same log gives the same decisions. What is not
/// clear is not committed.
/// </summary>
internal static class Decider
{
    /// <summary>The id that humans vote under where the policy names no human voter.</summary>
    public const string Human = "human";

    private const double DefaultYesFrom = 0.5;

    /// <summary>The decision; null while votes, or the policy version that the intention asks for, are waited for.</summary>
    public static Decision? Decide(BusPolicy policy, UndecidedIntention intention) =>
        policy.Decider is DeciderPolicy.OffByDefault ? Abort("the bus allows no action (OFF_BY_DEFAULT)")
        : Constraint(policy, intention.Intention) switch
        {
            false => Abort($"it was meant for version {intention.Intention.RequiredPolicyVersion} of the policy, which has {policy.Version} now"),
            null => null,
            true => policy.Decider is DeciderPolicy.OnByDefault ? new Decision(Commits: true, "the bus allows every action (ON_BY_DEFAULT)") : Count(policy, intention),
        };

    /// <summary>Whether the decision is a human's to make now; and by which voter, and why.</summary>
    public static (string VoterId, string Reason)? WaitsForHuman(BusPolicy policy, UndecidedIntention intention)
    {
        if (policy.Decider is not DeciderPolicy.FirstBooleanWins)
        {
            return null;
        }

        var voterId = policy.Voters.FirstOrDefault(voter => IsHuman(voter.Value)).Key;
        if (Escalation(policy, intention) is { } escalation)
        {
            return (voterId ?? Human, $"{escalation.VoterId}: {escalation.Reason}");
        }

        return voterId is not null ? (voterId, "") : policy.Voters.IsEmpty ? (Human, "there is no voter but a human") : null;
    }

    // Whether the policy has a version that it may be decided under; null: not yet.
    private static bool? Constraint(BusPolicy policy, Intention intention) => intention.PolicyVersionConstraintCase switch
    {
        Intention.PolicyVersionConstraintOneofCase.RequiredPolicyVersion => policy.Version > intention.RequiredPolicyVersion ? false : policy.Version == intention.RequiredPolicyVersion ? true : null,
        Intention.PolicyVersionConstraintOneofCase.MinimumPolicyVersion => policy.Version >= intention.MinimumPolicyVersion ? true : null,
        _ => true,
    };

    private static Decision? Count(BusPolicy policy, UndecidedIntention intention)
    {
        // The no of a human who has not been asked, and a veto, end it whatever else was said.
        if (intention.Votes.FirstOrDefault(vote => vote.VoterId == Human && !policy.Voters.ContainsKey(Human) && HasBoolean(vote) && !vote.AbstractVote.BooleanVote) is { } refusal)
        {
            return Abort(Say(refusal));
        }

        var vetoers = policy.Voters.Where(voter => voter.Value.Veto).Select(voter => Opinion(policy, intention, voter.Key, voter.Value)).ToList();
        if (vetoers.Find(opinion => opinion.Yes is false) is { } veto)
        {
            return Abort(veto.Says);
        }

        var members = policy.Voters.Where(voter => !voter.Value.Veto).ToList();
        var result = policy.Quorum is { } quorum && members.Count > 0
            ? CountQuorum(quorum, members.ConvertAll(voter => Opinion(policy, intention, voter.Key, voter.Value)))
            : members.Count == 0 && vetoers.Count > 0 ? vetoers.TrueForAll(opinion => opinion.Yes is true) ? new Decision(Commits: true, Join(vetoers)) : null
            : FirstBoolean(policy, intention);
        return result is { Commits: true } && !vetoers.TrueForAll(opinion => opinion.Yes is true) ? null : result;
    }

    private static Decision? CountQuorum(Quorum quorum, List<VoterOpinion> members)
    {
        var needed = quorum.RuleCase switch
        {
            Quorum.RuleOneofCase.Any => 1,
            Quorum.RuleOneofCase.AtLeast => Math.Max(quorum.AtLeast, 1),
            _ => members.Count,
        };
        var yes = members.FindAll(opinion => opinion.Yes is true);
        if (yes.Count >= needed)
        {
            return new(Commits: true, Join(yes));
        }

        var no = members.FindAll(opinion => opinion.Yes is false);
        return members.Count - no.Count < needed ? Abort(Join(no)) : null;
    }

    private static Decision? FirstBoolean(BusPolicy policy, UndecidedIntention intention)
    {
        foreach (var vote in intention.Votes)
        {
            var counts = IsHumanVote(policy, vote) || (policy.Voters.TryGetValue(vote.VoterId, out var voter) && !voter.Veto);
            if (counts && HasBoolean(vote))
            {
                return new(vote.AbstractVote.BooleanVote, Say(vote));
            }
        }

        return null;
    }

    // What a voter says; where it has left it to a human, what the human says.
    private static VoterOpinion Opinion(BusPolicy policy, UndecidedIntention intention, string id, Voter voter)
    {
        var vote = intention.VoteOf(id);
        if (vote is not null && IsEscalation(vote))
        {
            vote = intention.Votes.FirstOrDefault(other => IsHumanVote(policy, other) && HasBoolean(other));
        }

        return vote?.AbstractVote?.VoteTypeCase switch
        {
            VoteType.VoteTypeOneofCase.BooleanVote => new(vote.AbstractVote.BooleanVote, Say(vote)),
            // A number that is none (NaN) is not a yes.
            VoteType.VoteTypeOneofCase.ProbabilityVote => new(vote.AbstractVote.ProbabilityVote >= (voter.HasYesFrom ? voter.YesFrom : DefaultYesFrom), Say(vote)),
            _ => new(null, ""),
        };
    }

    private static Vote? Escalation(BusPolicy policy, UndecidedIntention intention) =>
        intention.Votes.Any(vote => IsHumanVote(policy, vote) && HasBoolean(vote))
            ? null
            : intention.Votes.FirstOrDefault(vote => policy.Voters.ContainsKey(vote.VoterId) && IsEscalation(vote));

    private static bool IsHuman(Voter voter) => voter.KindCase is Voter.KindOneofCase.Human;

    private static bool IsHumanVote(BusPolicy policy, Vote vote) =>
        policy.Voters.TryGetValue(vote.VoterId, out var voter) ? IsHuman(voter) : vote.VoterId == Human;

    private static bool IsEscalation(Vote vote) => (vote.AbstractVote?.VoteTypeCase ?? VoteType.VoteTypeOneofCase.None) is VoteType.VoteTypeOneofCase.None;

    private static bool HasBoolean(Vote vote) => vote.AbstractVote?.VoteTypeCase is VoteType.VoteTypeOneofCase.BooleanVote;

    private static string Say(Vote vote) => vote.Reason.Length == 0 ? vote.VoterId : $"{vote.VoterId}: {vote.Reason}";

    private static string Join(IEnumerable<VoterOpinion> opinions) => string.Join("; ", opinions.Select(opinion => opinion.Says));

    private static Decision Abort(string reason) => new(Commits: false, reason);

    private sealed record VoterOpinion(bool? Yes, string Says);
}
