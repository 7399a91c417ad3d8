using AgentKernel.AgentBus.Access;
using AgentKernel.AgentBus.Buses;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.AgentBus.Log;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults.Access;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.AgentBus;

/// <summary>The RPCs of BusAdminService: the buses, beside what stands on them.</summary>
internal sealed class BusAdminService(BusDirectory buses, BusDoor door, AccessTokens tokens)
{
    public async Task<RegisterBusResponse> RegisterBusAsync(RegisterBusRequest request, RpcContext context)
    {
        RequireServiceOrOperator(context);
        return new() { BusToken = await buses.RegisterAsync(request, context.CancellationToken) };
    }

    public Task<ListBusesResponse> ListBusesAsync(ListBusesRequest request, RpcContext context) =>
        Task.FromResult(new ListBusesResponse { Buses = { Readable(request.BusId, context).Select(Summary) } });

    public Task<ListPendingResponse> ListPendingAsync(ListPendingRequest request, RpcContext context) =>
        Task.FromResult(new ListPendingResponse { Pending = { Readable(request.BusId, context).SelectMany(Pending) } });

    public async Task<DeleteBusResponse> DeleteBusAsync(DeleteBusRequest request, RpcContext context)
    {
        RequireServiceOrOperator(context);
        return await buses.DeleteAsync(request.BusId, context.CancellationToken)
            ? new()
            : throw new RpcException(RpcStatusCode.NotFound, $"there is no bus '{request.BusId}'");
    }

    private static BusSummary Summary(Bus bus)
    {
        var (policy, open, tail) = (bus.Policy, bus.OpenIntentions(), bus.Log.Tail);
        var summary = new BusSummary
        {
            BusId = bus.Id,
            TeamId = bus.Registration.TeamId,
            TailPosition = tail,
            FirstPosition = bus.Log.First,
            CreatedAt = bus.Registration.CreatedAt.ToTimestamp(),
            SafetyDisabled = bus.Registration.SafetyDisabled,
            Undecided = open.Count,
            Pending = open.Count(intention => intention.Human is not null),
            DeciderPolicy = OriginalName(policy.Decider),
            VoterIds = { policy.Voters.Keys },
        };
        if (bus.Log.Read(tail - 1, tail, 1, PayloadKinds.All).Entries is [var last])
        {
            summary.LastEntryAt = DateTimeOffset.FromUnixTimeMilliseconds(last.Header.RtTimestampMs).ToTimestamp();
        }

        if (policy.Version is { } version)
        {
            summary.PolicyVersion = version;
        }

        return summary;
    }

    private static IEnumerable<PendingIntention> Pending(Bus bus) =>
        from open in bus.OpenIntentions()
        let human = open.Human
        where human.HasValue
        select new PendingIntention
        {
            BusId = bus.Id,
            IntentionId = open.Id,
            Intention = open.Text,
            Reason = human.Value.Reason,
            VoterId = human.Value.VoterId,
            IntendedAt = open.IntendedAt.ToTimestamp(),
            Deadline = open.Deadline.ToTimestamp(),
        };

    private static string OriginalName(DeciderPolicy policy) =>
        AgentBusReflection.Descriptor.EnumTypes.Single(type => type.Name == nameof(DeciderPolicy)).FindValueByNumber((int)policy)?.Name ?? $"{(int)policy}";

    // All of them for the operator; for an owner the one that it names.
    private IEnumerable<Bus> Readable(string busId, RpcContext context)
    {
        if (busId.Length == 0)
        {
            tokens.RequireOperator(context.HttpContext);
            return buses.All;
        }

        var (bus, caller) = door.Enter(busId, context.HttpContext);
        return caller is BusCaller.Owner or BusCaller.Operator ? [bus] : throw BusDoor.Denied();
    }

    private void RequireServiceOrOperator(RpcContext context)
    {
        if (!tokens.IsOperator(context.HttpContext))
        {
            tokens.RequireService(context.HttpContext);
        }
    }
}
