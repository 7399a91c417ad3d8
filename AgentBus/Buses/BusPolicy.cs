using System.Collections.Immutable;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;
using Google.Protobuf;

namespace AgentKernel.AgentBus.Buses;

/// <summary>How intentions are decided at one place of a log.</summary>
/// <param name="Decider">The decider. A bus whose log says nothing allows nothing.</param>
/// <param name="Voters">The voters, by id.</param>
/// <param name="Version">The version that the last batch has set; null where there was none.</param>
internal sealed record BusPolicy(DeciderPolicy Decider, ImmutableSortedDictionary<string, Voter> Voters, long? Version)
{
    private const int MaxVoters = 32;
    private const int MaxVoterId = 128;

    /// <summary>Of an empty log.</summary>
    public static BusPolicy Initial { get; } = new(DeciderPolicy.OffByDefault, ImmutableSortedDictionary.Create<string, Voter>(StringComparer.Ordinal), null);

    /// <summary>How votes are counted; null: the first boolean one wins.</summary>
    public Quorum? Quorum => Voters.Values.FirstOrDefault(voter => !voter.Veto)?.Quorum;

    /// <summary>The policy after an entry; this one where the entry changes nothing.</summary>
    public BusPolicy After(Payload payload) => payload.PayloadCase switch
    {
        Payload.PayloadOneofCase.DeciderPolicy => this with { Decider = payload.DeciderPolicy },
        Payload.PayloadOneofCase.Control when payload.Control.BaseEngineControl?.PolicyBatch is { } batch => After(batch),
        _ => this,
    };

    /// <summary>Refuses a batch that does not fit on this policy.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT naming the field, or FAILED_PRECONDITION where the version is another one.</exception>
    public BusPolicy CheckedAfter(PolicyBatch batch)
    {
        var expected = batch.HasExpectedCurrentVersion ? batch.ExpectedCurrentVersion : (long?)null;
        if (expected != Version)
        {
            throw new RpcException(RpcStatusCode.FailedPrecondition, $"expected_current_version is {Say(expected)}, but the policy of this bus has {Say(Version)}; read it again");
        }

        if (expected is not null && batch.NewVersion <= expected)
        {
            throw Invalid($"new_version must be larger than expected_current_version, {expected}");
        }

        if (batch.HasDeciderPolicy)
        {
            CheckDecider("decider_policy", batch.DeciderPolicy);
        }

        foreach (var (id, op) in batch.VoterOps)
        {
            CheckOp(id, op);
        }

        var after = After(batch);
        if (after.Voters.Count > MaxVoters)
        {
            throw Invalid($"voter_ops: a bus has at most {MaxVoters} voters");
        }

        var members = after.Voters.Values.Where(voter => !voter.Veto).ToList();
        if (members.Select(voter => voter.Quorum).Distinct().Count() > 1)
        {
            throw Invalid("voter_ops: the voters of a bus must all have the same quorum");
        }

        if (after.Quorum is { RuleCase: Quorum.RuleOneofCase.AtLeast } quorum && (quorum.AtLeast < 1 || quorum.AtLeast > members.Count))
        {
            throw Invalid($"voter_ops: quorum.at_least is {quorum.AtLeast}; there are {members.Count} voters without a veto to reach it");
        }

        return after;
    }

    public static void CheckDecider(string field, DeciderPolicy decider)
    {
        if (!Enum.IsDefined(decider))
        {
            throw Invalid($"{field} must be OFF_BY_DEFAULT, ON_BY_DEFAULT or FIRST_BOOLEAN_WINS");
        }
    }

    private BusPolicy After(PolicyBatch batch)
    {
        var voters = Voters.ToBuilder();
        foreach (var (id, op) in batch.VoterOps)
        {
            if (op.OpCase is VoterOp.OpOneofCase.Remove)
            {
                voters.Remove(id);
            }
            else if (op.Add?.Config is { ConfigCase: VoterConfig.ConfigOneofCase.Custom } config && config.Custom.TryUnpack<Voter>(out var voter))
            {
                voters[id] = voter;
            }
        }

        return new(batch.HasDeciderPolicy ? batch.DeciderPolicy : Decider, voters.ToImmutable(), batch.NewVersion);
    }

    private void CheckOp(string id, VoterOp op)
    {
        if (id.Length is 0 or > MaxVoterId || id.Any(char.IsControl))
        {
            throw Invalid($"voter_ops: a voter's id must have 1 to {MaxVoterId} printable characters");
        }

        switch (op.OpCase)
        {
            case VoterOp.OpOneofCase.Remove:
                if (!Voters.ContainsKey(id))
                {
                    throw Invalid($"voter_ops.{id}.remove: there is no such voter");
                }

                break;
            case VoterOp.OpOneofCase.Add:
                CheckVoter($"voter_ops.{id}.add.config.custom", Unpack(id, op.Add.Config));
                break;
            default:
                throw Invalid($"voter_ops.{id} must have add or remove");
        }
    }

    private static Voter Unpack(string id, VoterConfig? config)
    {
        try
        {
            return config is { ConfigCase: VoterConfig.ConfigOneofCase.Custom } && config.Custom.TryUnpack<Voter>(out var voter)
                ? voter
                : throw Invalid($"voter_ops.{id}.add.config must have custom, an agentkernel.bus.v1.Voter: other voters are not run here");
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, $"voter_ops.{id}.add.config.custom is no agentkernel.bus.v1.Voter, as its type_url says", exception);
        }
    }

    private static void CheckVoter(string field, Voter voter)
    {
        switch (voter.KindCase)
        {
            case Voter.KindOneofCase.None:
                throw Invalid($"{field} must have rule_based, llm, human or external");
            case Voter.KindOneofCase.External when voter.External.TokenSha256.Length != 32:
                throw Invalid($"{field}.external.token_sha256 must have 32 bytes");
            case Voter.KindOneofCase.Human when voter.Human.Timeout is { } timeout && (timeout.Seconds < 1 || timeout.Seconds > 7 * 24 * 3600):
                throw Invalid($"{field}.human.timeout must be 1 second to 7 days");
        }

        if (voter.Quorum is { RuleCase: Quorum.RuleOneofCase.None })
        {
            throw Invalid($"{field}.quorum must have any, all or at_least");
        }

        if (voter.HasYesFrom && !(voter.YesFrom is > 0 and <= 1))
        {
            throw Invalid($"{field}.yes_from must be more than 0 and at most 1");
        }
    }

    private static string Say(long? version) => version is { } known ? $"{known}" : "none";

    private static RpcException Invalid(string message) => new(RpcStatusCode.InvalidArgument, message);
}
