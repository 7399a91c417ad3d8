using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;

namespace AgentKernel.Contracts;

/// <summary>The methods of <c>agentkernel.v1.AgentService</c>, as <c>agent.proto</c> defines them.</summary>
public static class AgentMethods
{
    /// <summary>The full name of the service.</summary>
    public const string Service = "agentkernel.v1.AgentService";

    /// <summary>Sends content and streams the answer.</summary>
    public static readonly ServerStreamingMethod<TurnRequest, TurnResponse> Turn = new(Service, "Turn", TurnRequest.Parser, TurnResponse.Parser);
    /// <summary>Ends the running turn.</summary>
    public static readonly UnaryMethod<CancelTurnRequest, CancelTurnResponse> CancelTurn = new(Service, "CancelTurn", CancelTurnRequest.Parser, CancelTurnResponse.Parser);
    /// <summary>Sends an operation of the agent type's own.</summary>
    public static readonly UnaryMethod<ControlRequest, ControlResponse> Control = new(Service, "Control", ControlRequest.Parser, ControlResponse.Parser);
    /// <summary>Reads the conversation.</summary>
    public static readonly UnaryMethod<GetHistoryRequest, GetHistoryResponse> GetHistory = new(Service, "GetHistory", GetHistoryRequest.Parser, GetHistoryResponse.Parser) { Idempotent = true };
    /// <summary>Reads what the agent tells of itself.</summary>
    public static readonly UnaryMethod<GetInfoRequest, GetInfoResponse> GetInfo = new(Service, "GetInfo", GetInfoRequest.Parser, GetInfoResponse.Parser) { Idempotent = true };
}
