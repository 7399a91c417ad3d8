using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;

namespace AgentKernel.AgentBus.Tests.Service;

/// <summary>Policy batches as owners write them.</summary>
internal static class Policies
{
    public static Quorum All => new() { All = new() };

    public static Quorum Any => new() { Any = new() };

    /// <param name="voters">What is added; with null, removed.</param>
    public static Payload Batch(long expected, params (string Id, Voter? Voter)[] voters) => Batch(expected, null, voters);

    public static Payload Batch(long expected, DeciderPolicy? decider, params (string Id, Voter? Voter)[] voters)
    {
        var batch = new PolicyBatch { ExpectedCurrentVersion = expected, NewVersion = expected + 1 };
        if (decider is { } set)
        {
            batch.DeciderPolicy = set;
        }

        foreach (var (id, voter) in voters)
        {
            batch.VoterOps[id] = voter is null ? new() { Remove = new() } : new() { Add = new() { Config = new() { Custom = Google.Protobuf.WellKnownTypes.Any.Pack(voter) } } };
        }

        return new() { Control = new() { BaseEngineControl = new() { PolicyBatch = batch } } };
    }
}
