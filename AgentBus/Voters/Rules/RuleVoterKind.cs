using AgentKernel.AgentBus.Voting;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;

namespace AgentKernel.AgentBus.Voters.Rules;

/// <summary>Makes rule voters, from a rule file of their own or with the rules that come with the bus.</summary>
internal sealed class RuleVoterKind : IVoterKind
{
    public Voter.KindOneofCase Kind => Voter.KindOneofCase.RuleBased;

    public IVoter Create(Voter settings)
    {
        if (settings.RuleBased.Rules.Length == 0)
        {
            return new RuleVoter(RuleSet.Default);
        }

        try
        {
            return new RuleVoter(RuleSet.Read(settings.RuleBased.Rules));
        }
        catch (RuleFileException exception)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, $"rule_based.rules: {exception.Message}", exception);
        }
    }
}
