using System.Diagnostics;
using System.Globalization;
using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentBus;

/// <summary>What the bus says in traces; telemetry listens to the source <c>AgentKernel.AgentBus</c>.</summary>
internal static class BusTrace
{
    public static ActivitySource Source { get; } = new("AgentKernel.AgentBus");

    /// <summary>A vote that stands on the log, with its reason.</summary>
    public static void Voted(Activity? activity, string busId, Vote vote) => activity?.AddEvent(new("agentbus.vote", tags: new()
    {
        ["agentbus.bus_id"] = busId,
        ["agentbus.intention_id"] = vote.IntentionId,
        ["agentbus.voter_id"] = vote.VoterId,
        ["agentbus.vote"] = vote.AbstractVote?.VoteTypeCase switch
        {
            VoteType.VoteTypeOneofCase.BooleanVote => vote.AbstractVote.BooleanVote ? "yes" : "no",
            VoteType.VoteTypeOneofCase.ProbabilityVote => vote.AbstractVote.ProbabilityVote.ToString(CultureInfo.InvariantCulture),
            _ => "human",
        },
        ["agentbus.reason"] = vote.Reason,
    }));
}
