using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;

namespace AgentKernel.Contracts;

/// <summary>The methods of <c>agentkernel.v1.AgentSpawnerService</c>, as <c>spawner.proto</c> defines them.</summary>
public static class AgentSpawnerMethods
{
    /// <summary>The full name of the service.</summary>
    public const string Service = "agentkernel.v1.AgentSpawnerService";

    /// <summary>Reserves capacity under a name.</summary>
    public static readonly UnaryMethod<CreateTeamRequest, CreateTeamResponse> CreateTeam = new(Service, "CreateTeam", CreateTeamRequest.Parser, CreateTeamResponse.Parser);
    /// <summary>Reads one team.</summary>
    public static readonly UnaryMethod<GetTeamRequest, GetTeamResponse> GetTeam = new(Service, "GetTeam", GetTeamRequest.Parser, GetTeamResponse.Parser) { Idempotent = true };
    /// <summary>Reads all teams.</summary>
    public static readonly UnaryMethod<ListTeamsRequest, ListTeamsResponse> ListTeams = new(Service, "ListTeams", ListTeamsRequest.Parser, ListTeamsResponse.Parser) { Idempotent = true };
    /// <summary>Kills a team's agents and gives its capacity back.</summary>
    public static readonly UnaryMethod<DeleteTeamRequest, DeleteTeamResponse> DeleteTeam = new(Service, "DeleteTeam", DeleteTeamRequest.Parser, DeleteTeamResponse.Parser);
    /// <summary>Starts an agent.</summary>
    public static readonly UnaryMethod<SpawnAgentRequest, SpawnAgentResponse> SpawnAgent = new(Service, "SpawnAgent", SpawnAgentRequest.Parser, SpawnAgentResponse.Parser);
    /// <summary>Reads one agent's record.</summary>
    public static readonly UnaryMethod<GetAgentRequest, GetAgentResponse> GetAgent = new(Service, "GetAgent", GetAgentRequest.Parser, GetAgentResponse.Parser) { Idempotent = true };
    /// <summary>Reads the agents' records, filtered by team and labels.</summary>
    public static readonly UnaryMethod<ListAgentsRequest, ListAgentsResponse> ListAgents = new(Service, "ListAgents", ListAgentsRequest.Parser, ListAgentsResponse.Parser) { Idempotent = true };
    /// <summary>Streams a snapshot of the agents, then every change.</summary>
    public static readonly ServerStreamingMethod<WatchAgentsRequest, WatchAgentsResponse> WatchAgents = new(Service, "WatchAgents", WatchAgentsRequest.Parser, WatchAgentsResponse.Parser);
    /// <summary>Stops an agent and all that it started.</summary>
    public static readonly UnaryMethod<KillAgentRequest, KillAgentResponse> KillAgent = new(Service, "KillAgent", KillAgentRequest.Parser, KillAgentResponse.Parser) { Idempotent = true };
    /// <summary>Streams what the agent's program has printed.</summary>
    public static readonly ServerStreamingMethod<ReadAgentLogRequest, ReadAgentLogResponse> ReadAgentLog = new(Service, "ReadAgentLog", ReadAgentLogRequest.Parser, ReadAgentLogResponse.Parser);
    /// <summary>For the gateway: where an agent listens.</summary>
    public static readonly UnaryMethod<ResolveAgentRequest, ResolveAgentResponse> ResolveAgent = new(Service, "ResolveAgent", ResolveAgentRequest.Parser, ResolveAgentResponse.Parser) { Idempotent = true };
    /// <summary>For the gateway: which agents have begun or ended a turn.</summary>
    public static readonly UnaryMethod<ReportActivityRequest, ReportActivityResponse> ReportActivity = new(Service, "ReportActivity", ReportActivityRequest.Parser, ReportActivityResponse.Parser) { Idempotent = true };
}
