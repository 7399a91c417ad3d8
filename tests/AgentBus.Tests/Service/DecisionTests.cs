using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;

namespace AgentKernel.AgentBus.Tests.Service;

/// <summary>What becomes of an intention on a live bus.</summary>
public sealed class DecisionTests
{
    [Theory]
    [InlineData("yes", true, "rules: it looks fine")]
    [InlineData("no", false, "rules: it looks bad")]
    [InlineData("perhaps", true, "rules: it is mostly fine")]
    [InlineData("fail", false, "rules: this voter has failed, so it does not allow anything")]
    public async Task Intention_OnANewBus_IsDecidedByTheRules(string text, bool commits, string reason)
    {
        await using var server = await BusServer.StartAsync();
        var agent = await server.RegisterAsync();

        var intention = await agent.IntendAsync(text);

        Assert.Equal((commits, reason), await agent.DecisionAsync(intention));
        var vote = Assert.Single(await agent.VotesAsync(intention, 1));
        Assert.Equal("rules", vote.VoterId);
        Assert.NotNull(vote.VoterConfig.Custom.Unpack<Voter>().RuleBased);
    }

    [Fact]
    public async Task Intention_WithSafetyDisabled_IsCommittedAtOnceAndTheLogSaysWhy()
    {
        await using var server = await BusServer.StartAsync();
        var agent = await server.RegisterAsync(disableSafety: true);

        var (commits, reason) = await agent.DecisionAsync(await agent.IntendAsync("no"));

        Assert.True(commits);
        Assert.Contains("ON_BY_DEFAULT", reason);
        var first = (await agent.PollAsync()).Entries[0].Payload.Control.BaseEngineControl.PolicyBatch;
        Assert.Equal((DeciderPolicy.OnByDefault, 1L, 0), (first.DeciderPolicy, first.NewVersion, first.VoterOps.Count));
        Assert.Empty((await agent.PollAsync(0, 100, SelectivePollType.Vote)).Entries);
    }

    [Fact]
    public async Task DeciderPolicy_SwitchedByEntries_HoldsFromThereOn()
    {
        await using var server = await BusServer.StartAsync();
        var agent = await server.RegisterAsync();
        var owner = server.Owner(agent.BusId);
        var waiting = await agent.IntendAsync("wait");

        await owner.AppendAsync(new() { DeciderPolicy = DeciderPolicy.OffByDefault });
        Assert.False((await agent.DecisionAsync(waiting)).Commits); // what waited too
        Assert.False((await agent.DecisionAsync(await agent.IntendAsync("yes"))).Commits);

        await owner.AppendAsync(new() { DeciderPolicy = DeciderPolicy.OnByDefault });
        Assert.True((await agent.DecisionAsync(await agent.IntendAsync("no"))).Commits);

        await owner.AppendAsync(new() { DeciderPolicy = DeciderPolicy.FirstBooleanWins });
        Assert.False((await agent.DecisionAsync(await agent.IntendAsync("no"))).Commits);
    }

    [Fact]
    public async Task Intention_ThatNobodyVotesOnInTime_IsAbortedAndTheVoterIsLetGo()
    {
        var voter = new ScriptedVoter();
        await using var server = await BusServer.StartAsync(options: new() { DecisionTimeout = TimeSpan.FromMilliseconds(200) }, rules: voter);
        var agent = await server.RegisterAsync();

        Assert.Equal((false, "no decision was made in time"), await agent.DecisionAsync(await agent.IntendAsync("wait")));
        await voter.LetGo.WaitAsync(Patience.Token);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Intention_LeftToAHuman_WaitsForTheVoteOfOne(bool yes)
    {
        await using var server = await BusServer.StartAsync();
        var agent = await server.RegisterAsync();
        var intention = await agent.IntendAsync("human");
        var vote = Assert.Single(await agent.VotesAsync(intention, 1));
        Assert.Null(vote.AbstractVote);
        await server.Owner(agent.BusId).AppendAsync(new() { DeciderPolicy = DeciderPolicy.FirstBooleanWins }); // the vote has been read by now
        var request = new ListPendingRequest { BusId = agent.BusId };
        var pending = Assert.Single((await server.Channel.CallAsync(BusAdminMethods.ListPending, request, new() { BearerToken = BusServer.OwnerNonce }, Patience.Token)).Pending);
        Assert.Equal((intention, "human", "rules: it needs a person"), (pending.IntentionId, pending.VoterId, pending.Reason));
        Assert.Equal(TimeSpan.FromMinutes(30), pending.Deadline.ToDateTimeOffset() - pending.IntendedAt.ToDateTimeOffset());

        await server.Owner(agent.BusId).VoteAsync(intention, yes, reason: "I have looked at it");

        Assert.Equal((yes, "human: I have looked at it"), await agent.DecisionAsync(intention));
    }

    [Fact]
    public async Task HumanVoter_WithATimeout_DecidesUntilThenAndNotAfterIt()
    {
        await using var server = await BusServer.StartAsync();
        var agent = await server.RegisterAsync();
        var human = new Voter { Human = new() { Timeout = new() { Seconds = 1 } }, Quorum = Policies.All };
        await server.Operator(agent.BusId).AppendAsync(Policies.Batch(1, ("anna", human)));

        var approved = await agent.IntendAsync("yes");
        await agent.VotesAsync(approved, 1);
        await server.Operator(agent.BusId).VoteAsync(approved, yes: true, "anna");

        Assert.True((await agent.DecisionAsync(approved)).Commits);
        Assert.Equal((false, "no decision was made in time"), await agent.DecisionAsync(await agent.IntendAsync("yes")));
    }

    [Fact]
    public async Task PolicyBatch_WithAnotherVersionThanExpected_IsRefusedAndChangesNothing()
    {
        await using var server = await BusServer.StartAsync();
        var agent = await server.RegisterAsync();
        var owner = server.Owner(agent.BusId);
        var tail = await agent.TailAsync();

        foreach (var expected in new long[] { 0, 2 })
        {
            Assert.Equal(RpcStatusCode.FailedPrecondition, (await Assert.ThrowsAsync<RpcException>(() => owner.AppendAsync(Policies.Batch(expected, DeciderPolicy.OnByDefault)))).Code);
        }

        Assert.Equal(tail, await agent.TailAsync());
    }

    [Fact]
    public async Task PolicyBatch_ByManyAtOnce_AppliesOneOfEachVersion()
    {
        await using var server = await BusServer.StartAsync();
        var agent = await server.RegisterAsync();

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            try
            {
                await server.Owner(agent.BusId).AppendAsync(Policies.Batch(1, DeciderPolicy.FirstBooleanWins));
                return true;
            }
            catch (RpcException exception) when (exception.Code is RpcStatusCode.FailedPrecondition)
            {
                return false;
            }
        }));

        Assert.Single(outcomes, applied => applied);
    }

    [Theory]
    [InlineData("wrong", "voter_ops.second: rule_based.rules")]
    [InlineData("at_least", "quorum.at_least is 3")]
    [InlineData("differs", "the same quorum")]
    [InlineData("empty", "must have rule_based")]
    [InlineData("token", "external.token_sha256")]
    [InlineData("not run", "not run here")]
    public async Task PolicyBatch_ThatMakesNoSense_IsRefusedWithTheFieldsName(string what, string message)
    {
        await using var server = await BusServer.StartAsync();
        var agent = await server.RegisterAsync();
        var voter = what switch
        {
            "wrong" => new Voter { RuleBased = new() { Rules = "wrong" }, Quorum = Policies.All },
            "at_least" => new Voter { RuleBased = new(), Quorum = new() { AtLeast = 3 } },
            "differs" => new Voter { Human = new(), Quorum = Policies.Any },
            "token" => new Voter { External = new(), Quorum = Policies.All },
            "not run" => new Voter { Llm = new(), Quorum = Policies.All },
            _ => new Voter(),
        };
        var batch = what == "at_least" ? Policies.Batch(1, ("rules", voter)) : Policies.Batch(1, ("second", voter));

        var exception = await Assert.ThrowsAsync<RpcException>(() => server.Owner(agent.BusId).AppendAsync(batch));

        Assert.Equal(RpcStatusCode.InvalidArgument, exception.Code);
        Assert.Contains(message, exception.Message);
    }

    [Fact]
    public async Task Intention_ForAPolicyVersionThatIsPast_IsAbortedAndForALaterOneWaits()
    {
        await using var server = await BusServer.StartAsync();
        var agent = await server.RegisterAsync();
        var early = await agent.AppendAsync(new() { Intention = new() { StringIntention = "yes", RequiredPolicyVersion = 0 } });
        var later = await agent.AppendAsync(new() { Intention = new() { StringIntention = "yes", MinimumPolicyVersion = 2 } });
        var exact = await agent.AppendAsync(new() { Intention = new() { StringIntention = "yes", RequiredPolicyVersion = 1 } });

        Assert.False((await agent.DecisionAsync(early)).Commits);
        Assert.True((await agent.DecisionAsync(exact)).Commits);
        Assert.Single(await agent.VotesAsync(later, 1));
        await server.Owner(agent.BusId).AppendAsync(Policies.Batch(1, DeciderPolicy.FirstBooleanWins));

        Assert.True((await agent.DecisionAsync(later)).Commits);
        var entries = (await agent.PollAsync(0, 100, SelectivePollType.Commit, SelectivePollType.Control)).Entries;
        Assert.Equal(later, entries[^1].Payload.Commit.IntentionId); // after the policy, not before
    }

    [Fact]
    public async Task VoterThatIsChanged_VotesAgainOnWhatIsUndecided()
    {
        await using var server = await BusServer.StartAsync();
        var agent = await server.RegisterAsync();
        var intention = await agent.IntendAsync("human");
        await agent.VotesAsync(intention, 1);

        await server.Owner(agent.BusId).AppendAsync(Policies.Batch(1, ("rules", new Voter { RuleBased = new() { Rules = "other" }, Quorum = Policies.All })));

        Assert.Equal(2, (await agent.VotesAsync(intention, 2)).Count);
    }

    [Fact]
    public async Task Intentions_TooManyAtOnce_AreRefused()
    {
        await using var server = await BusServer.StartAsync(options: new() { MaxUndecided = 3 });
        var agent = await server.RegisterAsync();
        RpcException? refused = null;

        for (var i = 0; i < 1000 && refused is null; i++)
        {
            try
            {
                await agent.IntendAsync("wait");
            }
            catch (RpcException exception)
            {
                refused = exception;
            }
        }

        Assert.Equal(RpcStatusCode.ResourceExhausted, refused?.Code);
    }
}
