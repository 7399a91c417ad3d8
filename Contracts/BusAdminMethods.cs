using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;

namespace AgentKernel.Contracts;

/// <summary>The methods of <c>agentkernel.bus.v1.BusAdminService</c>, as <c>bus_admin.proto</c> defines them.</summary>
public static class BusAdminMethods
{
    /// <summary>The full name of the service.</summary>
    public const string Service = "agentkernel.bus.v1.BusAdminService";

    /// <summary>Opens an agent's bus.</summary>
    public static readonly UnaryMethod<RegisterBusRequest, RegisterBusResponse> RegisterBus = new(Service, "RegisterBus", RegisterBusRequest.Parser, RegisterBusResponse.Parser);
    /// <summary>Reads what buses there are.</summary>
    public static readonly UnaryMethod<ListBusesRequest, ListBusesResponse> ListBuses = new(Service, "ListBuses", ListBusesRequest.Parser, ListBusesResponse.Parser);
    /// <summary>Reads what waits for a human's vote.</summary>
    public static readonly UnaryMethod<ListPendingRequest, ListPendingResponse> ListPending = new(Service, "ListPending", ListPendingRequest.Parser, ListPendingResponse.Parser);
    /// <summary>Removes a bus and its log.</summary>
    public static readonly UnaryMethod<DeleteBusRequest, DeleteBusResponse> DeleteBus = new(Service, "DeleteBus", DeleteBusRequest.Parser, DeleteBusResponse.Parser);
}
