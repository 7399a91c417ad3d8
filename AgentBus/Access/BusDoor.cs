using AgentKernel.AgentBus.Buses;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults.Access;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.AgentBus.Access;

/// <summary>Finds out who calls, and which bus is meant.</summary>
internal sealed class BusDoor(BusDirectory buses, AccessTokens tokens)
{
    /// <summary>The bus that a call names, and who calls.</summary>
    /// <exception cref="RpcException">
    /// PERMISSION_DENIED, in the same words for an unknown bus and a wrong secret; NOT_FOUND for the operator;
    /// INVALID_ARGUMENT where no bus is named; DATA_LOSS where its log cannot be read back.
    /// </exception>
    public (Bus Bus, BusCaller Caller) Enter(string busId, HttpContext http)
    {
        if (busId.Length == 0)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, "agent_bus_id is missing");
        }

        var isOperator = tokens.IsOperator(http);
        if (isOperator)
        {
            buses.ThrowIfUnreadable(busId);
        }

        if (buses.Find(busId) is not { } bus)
        {
            throw isOperator ? new RpcException(RpcStatusCode.NotFound, $"there is no bus '{busId}'") : Denied();
        }

        return (bus, isOperator ? new BusCaller.Operator() : CallerOf(bus, AccessTokens.Bearer(http)) ?? throw Denied());
    }

    public static RpcException Denied() =>
        new(RpcStatusCode.PermissionDenied, "there is no such bus, or the secret of the call does not open it: send 'Authorization: Bearer <bus token, nonce or operator's token>'");

    private BusCaller? CallerOf(Bus bus, string? secret)
    {
        var registration = bus.Registration;
        if (registration.IsAgent(secret))
        {
            return new BusCaller.Agent();
        }

        if (registration.IsOwner(secret))
        {
            return new BusCaller.Owner();
        }

        foreach (var (id, voter) in bus.Policy.Voters)
        {
            if (voter.KindCase is Voter.KindOneofCase.External && SecretToken.Matches(voter.External.TokenSha256.Span, secret))
            {
                return new BusCaller.Voter(id);
            }
        }

        return buses.All.FirstOrDefault(other => other.Registration.TeamId == registration.TeamId && other.Registration.IsAgent(secret)) is { } teammate
            ? new BusCaller.Teammate(teammate.Id)
            : null;
    }
}
