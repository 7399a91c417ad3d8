using AgentKernel.AgentBus.Voting;

namespace AgentKernel.AgentBus.Voters.Rules;

/// <summary>Judges tool calls by rules. What is no tool call, or does not say where it would run, is not allowed.</summary>
internal sealed class RuleVoter(RuleSet rules) : IVoter
{
    public Task<Ballot> VoteAsync(IntentionCase intention, CancellationToken cancellationToken) => Task.FromResult(Vote(intention));

    private Ballot Vote(IntentionCase intention)
    {
        if (intention.ToolCall is not { } call)
        {
            return new Ballot.No("the intention is no tool call in the form that the rules read");
        }

        // Without these a path cannot be told to be inside the workspace or outside of it.
        if (call.Workspace is not ['/', ..] workspace || call.Home is not ['/', ..] home || (call.Folder ?? workspace) is not ['/', ..] folder)
        {
            return new Ballot.No("the intention does not say in which workspace, home and folder the tool would run");
        }

        var verdict = rules.Judge(call.Tool, call.Arguments.GetRawText(), new AgentPlace(workspace, home, folder));
        var reason = verdict.Rule is null ? verdict.Reason : $"{verdict.Reason} (rule {verdict.Rule})";
        return verdict.Decision switch
        {
            RuleDecision.Allow => new Ballot.Yes(reason),
            RuleDecision.NeedsHuman => new Ballot.NeedsHuman(reason),
            _ => new Ballot.No(reason),
        };
    }
}
