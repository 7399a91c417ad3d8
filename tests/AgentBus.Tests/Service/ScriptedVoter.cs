using AgentKernel.AgentBus.Voting;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;

namespace AgentKernel.AgentBus.Tests.Service;

/// <summary>A voter that does what the intention's text says: yes, no, human, perhaps, fail, or wait.</summary>
internal sealed class ScriptedVoter : IVoterKind, IVoter
{
    private readonly TaskCompletionSource _letGo = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Voter.KindOneofCase Kind => Voter.KindOneofCase.RuleBased;

    /// <summary>Set when a voter that waited was told that nobody waits for it.</summary>
    public Task LetGo => _letGo.Task;

    public IVoter Create(Voter settings) => settings.RuleBased.Rules == "wrong"
        ? throw new RpcException(RpcStatusCode.InvalidArgument, "rule_based.rules: these are wrong")
        : this;

    public async Task<Ballot> VoteAsync(IntentionCase intention, CancellationToken cancellationToken)
    {
        switch (intention.Text)
        {
            case "yes":
                return new Ballot.Yes("it looks fine");
            case "no":
                return new Ballot.No("it looks bad");
            case "human":
                return new Ballot.NeedsHuman("it needs a person");
            case "perhaps":
                return new Ballot.Probability(0.7, "it is mostly fine");
            case "wait":
                try
                {
                    await Task.Delay(Timeout.Infinite, cancellationToken);
                }
                catch (OperationCanceledException)
                {
                    _letGo.TrySetResult();
                    throw;
                }

                return new Ballot.Yes("");
            default:
                throw new InvalidOperationException("this voter fails");
        }
    }
}
