using AgentKernel.Contracts.Bus;
using AgentKernel.Rpc;

namespace AgentKernel.Contracts;

/// <summary>The methods of <c>agent_bus.AgentBusService</c>, as <c>agent_bus.proto</c> defines them.</summary>
public static class AgentBusMethods
{
    /// <summary>The full name of the service.</summary>
    public const string Service = "agent_bus.AgentBusService";

    /// <summary>Appends an entry and returns when it is durable.</summary>
    public static readonly UnaryMethod<AppendRequest, AppendResponse> Append = new(Service, "Append", AppendRequest.Parser, AppendResponse.Parser);
    /// <summary>Reads entries from a position on.</summary>
    public static readonly UnaryMethod<PollRequest, PollResponse> Poll = new(Service, "Poll", PollRequest.Parser, PollResponse.Parser);
    /// <summary>Reads entries of a range.</summary>
    public static readonly UnaryMethod<ReadNextRequest, ReadNextResponse> ReadNext = new(Service, "ReadNext", ReadNextRequest.Parser, ReadNextResponse.Parser);
    /// <summary>Reads the position of the next entry.</summary>
    public static readonly UnaryMethod<CheckTailRequest, CheckTailResponse> CheckTail = new(Service, "CheckTail", CheckTailRequest.Parser, CheckTailResponse.Parser);
    /// <summary>Waits for entries.</summary>
    public static readonly UnaryMethod<BlockingPollRequest, BlockingPollResponse> BlockingPoll = new(Service, "BlockingPoll", BlockingPollRequest.Parser, BlockingPollResponse.Parser);
}
