using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;

namespace AgentKernel.AgentBus.Voting;

/// <summary>
/// Makes the voters of one kind from their settings; one registration a kind. Humans and external voters need none: their
/// votes are appended to the bus by themselves.
/// </summary>
internal interface IVoterKind
{
    /// <summary>The kind of settings that it makes voters from.</summary>
    Voter.KindOneofCase Kind { get; }

    /// <summary>Makes a voter. Called when a policy is set, so that settings that are wrong are refused, and again when a log is read back.</summary>
    /// <exception cref="RpcException"><see cref="RpcStatusCode.InvalidArgument"/>: a setting is wrong; the message names its field.</exception>
    IVoter Create(Voter settings);
}
