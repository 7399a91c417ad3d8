using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;

namespace AgentKernel.AgentBus.Voting;

/// <summary>Which kinds of voters this service runs.</summary>
internal sealed class VoterCatalog(IEnumerable<IVoterKind> kinds)
{
    private readonly Dictionary<Voter.KindOneofCase, IVoterKind> _kinds = kinds.ToDictionary(kind => kind.Kind);

    /// <summary>Makes a voter; null for one whose votes come from outside.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: its settings are wrong, or such a voter is not run here.</exception>
    public IVoter? Create(Voter settings) => settings.KindCase switch
    {
        Voter.KindOneofCase.Human or Voter.KindOneofCase.External => null,
        var kind when _kinds.TryGetValue(kind, out var known) => known.Create(settings),
        var kind => throw new RpcException(RpcStatusCode.InvalidArgument, $"voters of the kind {kind} are not run here"),
    };
}
