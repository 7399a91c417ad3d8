using System.Text.Json;
using AgentKernel.AgentBus.Voters.Rules;
using AgentKernel.AgentBus.Voting;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;

namespace AgentKernel.AgentBus.Tests.Voters;

public sealed class RuleVoterTests
{
    private const string OwnRules =
        """
        tools: { bash: { shell: command } }
        rules:
          - { name: ask-for-git, decision: needs-human, reason: people push, run: [git push] }
        """;

    [Theory]
    [InlineData("ls -la", typeof(Ballot.Yes))]
    [InlineData("rm -rf /", typeof(Ballot.No))]
    public async Task ShippedRules_Judge(string command, Type expected) =>
        Assert.IsType(expected, await VoteAsync(new Voter { RuleBased = new() }, Call(command)));

    [Fact]
    public async Task OwnRules_CanLeaveItToAHuman()
    {
        var ballot = await VoteAsync(new Voter { RuleBased = new() { Rules = OwnRules } }, Call("git push origin main"));

        Assert.Contains("ask-for-git", Assert.IsType<Ballot.NeedsHuman>(ballot).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task IntentionWithoutItsPlace_IsDenied()
    {
        Assert.IsType<Ballot.No>(await VoteAsync(new Voter { RuleBased = new() }, Call("ls") with { Workspace = null }));
        Assert.IsType<Ballot.No>(await VoteAsync(new Voter { RuleBased = new() }, Call("ls") with { Home = "relative" }));
        Assert.IsType<Ballot.No>(await VoteAsync(new Voter { RuleBased = new() }, null));
    }

    [Fact]
    public void RulesThatCannotBeRead_AreRefusedByName()
    {
        var refused = Assert.Throws<RpcException>(() => new RuleVoterKind().Create(new() { RuleBased = new() { Rules = "rules: [{ decision: maybe }]" } }));

        Assert.Equal(RpcStatusCode.InvalidArgument, refused.Code);
        Assert.StartsWith("rule_based.rules: ", refused.Message, StringComparison.Ordinal);
    }

    private static ToolCallIntention Call(string command) =>
        new("bash", JsonSerializer.SerializeToElement(new { command }), "call_1", "/home/dev/project", "/home/dev", "/home/dev/project");

    private static Task<Ballot> VoteAsync(Voter settings, ToolCallIntention? call) =>
        new RuleVoterKind().Create(settings).VoteAsync(new("a.b", 1, call?.ToJson() ?? "do it", call, _ => []), Patience.Token);
}
