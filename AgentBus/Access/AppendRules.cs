using AgentKernel.AgentBus.Buses;
using AgentKernel.AgentBus.Deciding;
using AgentKernel.AgentBus.Log;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;

namespace AgentKernel.AgentBus.Access;

/// <summary>Who may write what on a bus.</summary>
internal static class AppendRules
{
    private static readonly PayloadKinds OfAgents = PayloadKinds.Of(
        Payload.PayloadOneofCase.Intention, Payload.PayloadOneofCase.InferenceInput, Payload.PayloadOneofCase.InferenceOutput,
        Payload.PayloadOneofCase.ActionOutput, Payload.PayloadOneofCase.AgentInput, Payload.PayloadOneofCase.AgentOutput);

    private static readonly PayloadKinds OfOwners = PayloadKinds.Of(
        Payload.PayloadOneofCase.Vote, Payload.PayloadOneofCase.DeciderPolicy, Payload.PayloadOneofCase.VoterPolicy, Payload.PayloadOneofCase.Control, Payload.PayloadOneofCase.Mail);

    /// <summary>What is appended: the payload, with what the service sets itself.</summary>
    /// <exception cref="RpcException">PERMISSION_DENIED where the caller may not write it; INVALID_ARGUMENT where it makes no sense.</exception>
    public static Payload Check(Payload? payload, Bus bus, BusCaller caller)
    {
        if (payload is null || payload.PayloadCase is Payload.PayloadOneofCase.None)
        {
            throw Invalid("payload must have one of its fields");
        }

        var kind = payload.PayloadCase;
        var may = caller switch
        {
            BusCaller.Agent => OfAgents.Has(kind),
            BusCaller.Voter => kind is Payload.PayloadOneofCase.Vote,
            BusCaller.Teammate => kind is Payload.PayloadOneofCase.Mail,
            BusCaller.Owner or BusCaller.Operator => OfOwners.Has(kind),
            _ => false,
        };
        if (!may)
        {
            throw new RpcException(RpcStatusCode.PermissionDenied, $"{Say(caller)} may not append {SelectName(kind)}");
        }

        switch (kind)
        {
            case Payload.PayloadOneofCase.Intention when payload.Intention.IntentionCase is Intention.IntentionOneofCase.None:
                throw Invalid("intention.string_intention is missing");
            case Payload.PayloadOneofCase.ActionOutput:
                CheckIntention("action_output.intention_id", payload.ActionOutput.IntentionId, bus);
                break;
            case Payload.PayloadOneofCase.Vote:
                CheckVote(payload.Vote, bus, caller);
                break;
            case Payload.PayloadOneofCase.Mail:
                CheckMail(payload.Mail, caller);
                break;
        }

        return payload;
    }

    private static void CheckVote(Vote vote, Bus bus, BusCaller caller)
    {
        CheckIntention("vote.intention_id", vote.IntentionId, bus);
        var voters = bus.Policy.Voters;
        if (caller is BusCaller.Voter voter)
        {
            if (vote.VoterId.Length > 0 && vote.VoterId != voter.VoterId)
            {
                throw new RpcException(RpcStatusCode.PermissionDenied, $"vote.voter_id: the voter '{voter.VoterId}' votes under its own id alone");
            }

            vote.VoterId = voter.VoterId;
        }
        else
        {
            // People vote as people: the votes of the service's own voters are not theirs to cast.
            vote.VoterId = vote.VoterId.Length > 0 ? vote.VoterId : voters.FirstOrDefault(known => known.Value.KindCase is Voter.KindOneofCase.Human).Key ?? Decider.Human;
            if (voters.TryGetValue(vote.VoterId, out var known) ? known.KindCase is not Voter.KindOneofCase.Human : vote.VoterId != Decider.Human)
            {
                throw new RpcException(RpcStatusCode.PermissionDenied, $"vote.voter_id: '{vote.VoterId}' is no human voter of this bus");
            }

            if (vote.AbstractVote?.VoteTypeCase is not VoteType.VoteTypeOneofCase.BooleanVote)
            {
                throw Invalid("vote.abstract_vote.boolean_vote is missing: a human says yes or no");
            }
        }

        if (vote.AbstractVote is { VoteTypeCase: VoteType.VoteTypeOneofCase.ProbabilityVote } sure && !(sure.ProbabilityVote is >= 0 and <= 1))
        {
            throw Invalid("vote.abstract_vote.probability_vote must be 0 to 1");
        }

        vote.VoterConfig = null;
        if (voters.TryGetValue(vote.VoterId, out var settings))
        {
            vote.VoterConfig = new() { Custom = Google.Protobuf.WellKnownTypes.Any.Pack(settings) };
        }
    }

    private static void CheckMail(Mail mail, BusCaller caller)
    {
        var sender = caller switch { BusCaller.Teammate teammate => teammate.AgentBusId, BusCaller.Owner => "owner", _ => "operator" };
        if (mail.SenderAgentId.Length > 0 && mail.SenderAgentId != sender)
        {
            throw new RpcException(RpcStatusCode.PermissionDenied, $"mail.sender_agent_id: the call comes from '{sender}'; leave it out, the service sets it");
        }

        if (mail.ContentCase is Mail.ContentOneofCase.None || mail is { ContentCase: Mail.ContentOneofCase.Reply, Reply.Message: null })
        {
            throw Invalid("mail must have message, or reply with its message");
        }

        mail.SenderAgentId = sender;
    }

    private static void CheckIntention(string field, long position, Bus bus)
    {
        if (position < 0 || bus.Log.Read(position, position + 1, 1, PayloadKinds.Of(Payload.PayloadOneofCase.Intention)).Entries is not [{ Header.LogPosition: var found }] || found != position)
        {
            throw Invalid($"{field}: there is no intention {position} on this bus");
        }
    }

    private static string Say(BusCaller caller) => caller switch
    {
        BusCaller.Agent => "an agent",
        BusCaller.Teammate => "an agent on another's bus",
        BusCaller.Voter => "a voter",
        BusCaller.Owner => "the owner",
        _ => "the operator",
    };

    // As the table of kinds on the wire has it.
    private static string SelectName(Payload.PayloadOneofCase kind) => $"{(SelectivePollType)(int)kind}";

    private static RpcException Invalid(string message) => new(RpcStatusCode.InvalidArgument, message);
}
