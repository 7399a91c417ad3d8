using System.Collections.Immutable;
using AgentKernel.AgentBus.Buses;
using AgentKernel.AgentBus.Deciding;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;

namespace AgentKernel.AgentBus.Tests.Service;

/// <summary>How votes are counted. Voters a, b, c; v has a veto; votes are written a+ (yes), a- (no), a? (a human has to say), a.7 (a probability).</summary>
public sealed class DeciderTests
{
    [Theory]
    // any: one yes is enough, all no are needed
    [InlineData("any", "abc", "a- b+", true)]
    [InlineData("any", "abc", "a- b-", null)]
    [InlineData("any", "abc", "a- b- c-", false)]
    // all
    [InlineData("all", "abc", "a+ b+", null)]
    [InlineData("all", "abc", "a+ b+ c+", true)]
    [InlineData("all", "abc", "b-", false)]
    // k of n
    [InlineData("2", "abc", "a+", null)]
    [InlineData("2", "abc", "a+ b- c+", true)]
    [InlineData("2", "abc", "a- b-", false)]
    [InlineData("2", "abc", "a- b+", null)]
    // veto: without its yes nothing, with its no never
    [InlineData("any", "abv", "a+", null)]
    [InlineData("any", "abv", "a+ v+", true)]
    [InlineData("any", "abv", "a+ b+ v-", false)]
    [InlineData("any", "abv", "v-", false)]
    [InlineData("any", "abv", "v+ a- b-", false)]
    [InlineData("all", "v", "v+", true)]
    [InlineData("all", "v", "", null)]
    // without a quorum the first boolean vote
    [InlineData("", "abc", "b- a+", false)]
    [InlineData("", "abc", "b+ a-", true)]
    [InlineData("", "abc", "a.9 b-", false)]
    [InlineData("", "abc", "a? b+", true)]
    [InlineData("", "", "", null)]
    [InlineData("", "", "human+", true)]
    [InlineData("", "abv", "a+", null)]
    [InlineData("", "abv", "a+ v-", false)]
    // a vote counts once, and only from voters
    [InlineData("all", "ab", "a- a+ b+", false)]
    [InlineData("2", "ab", "a+ a+", null)]
    [InlineData("any", "ab", "x+", null)]
    [InlineData("", "ab", "x+", null)]
    // a human stands in for whoever left it to one
    [InlineData("all", "ab", "a? b+", null)]
    [InlineData("all", "ab", "a? b+ human+", true)]
    [InlineData("all", "ab", "a? b- human+", false)]
    [InlineData("all", "ab", "a? human-", false)]
    [InlineData("all", "ab", "human+ b+", null)]
    [InlineData("any", "ab", "human+", null)]
    [InlineData("any", "ab", "a+ human-", false)]
    [InlineData("any", "av", "a+ v? human+", true)]
    // probabilities
    [InlineData("all", "ab", "a.5 b.9", true)]
    [InlineData("all", "ab", "a.4 b.9", false)]
    [InlineData("all", "a", "aNaN", false)]
    public void Decide_ByQuorumAndVotes(string quorum, string voters, string votes, bool? commits)
    {
        var policy = BusPolicy.Initial with
        {
            Decider = DeciderPolicy.FirstBooleanWins,
            Voters = voters.ToImmutableSortedDictionary(id => $"{id}", id => new Voter { External = new(), Veto = id == 'v', Quorum = QuorumOf(quorum) }, StringComparer.Ordinal),
        };
        var intention = new UndecidedIntention(0, new() { StringIntention = "x" }, DateTimeOffset.UnixEpoch);
        foreach (var vote in votes.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            intention.Add(VoteOf(vote));
        }

        Assert.Equal(commits, Decider.Decide(policy, intention)?.Commits);
        Assert.False(Decider.Decide(policy with { Decider = DeciderPolicy.OffByDefault }, intention)!.Commits);
        Assert.True(Decider.Decide(policy with { Decider = DeciderPolicy.OnByDefault }, intention)!.Commits);
    }

    private static Quorum? QuorumOf(string text) => text switch
    {
        "any" => Policies.Any,
        "all" => Policies.All,
        "" => null,
        _ => new() { AtLeast = int.Parse(text) },
    };

    private static Vote VoteOf(string text)
    {
        var end = text.StartsWith("human", StringComparison.Ordinal) ? 5 : 1;
        return new()
        {
            VoterId = text[..end],
            AbstractVote = text[end..] switch
            {
                "+" => new() { BooleanVote = true },
                "-" => new() { BooleanVote = false },
                "?" => null,
                var probability => new() { ProbabilityVote = double.Parse(probability) },
            },
        };
    }
}
