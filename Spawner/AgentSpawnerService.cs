using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults.Access;
using AgentKernel.Spawner.Agents;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Teams;
using AgentKernel.Spawner.Telemetry;
using Google.Protobuf;

namespace AgentKernel.Spawner;

/// <summary>The RPCs of AgentSpawnerService: who may call, what they ask for, and the answer as a message.</summary>
internal sealed class AgentSpawnerService(AgentSupervisor supervisor, TeamRegistry teams, BackendCatalog backends, AccessTokens tokens, SpawnerTelemetry telemetry)
{
    public Task<CreateTeamResponse> CreateTeamAsync(CreateTeamRequest request, RpcContext context)
    {
        tokens.RequireOperator(context.HttpContext);
        SpawnRequestRules.CheckLabel("team_id", request.TeamId);
        SpawnRequestRules.CheckConfig(request.Config, backends.Chosen);
        return Task.FromResult(new CreateTeamResponse { Team = teams.Create(request.TeamId, ResourceAmounts.Checked(request.Resources, "resources"), request.Config) });
    }

    public Task<GetTeamResponse> GetTeamAsync(GetTeamRequest request, RpcContext context)
    {
        tokens.RequireOperator(context.HttpContext);
        return Task.FromResult(new GetTeamResponse { Team = teams.Get(request.TeamId) });
    }

    public Task<ListTeamsResponse> ListTeamsAsync(ListTeamsRequest request, RpcContext context)
    {
        tokens.RequireOperator(context.HttpContext);
        return Task.FromResult(new ListTeamsResponse { Teams = { teams.List() } });
    }

    public async Task<DeleteTeamResponse> DeleteTeamAsync(DeleteTeamRequest request, RpcContext context)
    {
        tokens.RequireOperator(context.HttpContext);
        SpawnRequestRules.CheckLabel("team_id", request.TeamId); // the default team, which has no name, stays
        return new() { Killed = { await supervisor.DeleteTeamAsync(request.TeamId) } };
    }

    public async Task<SpawnAgentResponse> SpawnAgentAsync(SpawnAgentRequest request, RpcContext context)
    {
        tokens.RequireOperator(context.HttpContext);
        var (agent, nonce) = await telemetry.SpawnAsync(request, backends.Chosen.Name, () => supervisor.SpawnAsync(request, context.CancellationToken));
        return new() { Agent = agent, Nonce = nonce };
    }

    public Task<GetAgentResponse> GetAgentAsync(GetAgentRequest request, RpcContext context)
    {
        tokens.RequireOperator(context.HttpContext);
        return Task.FromResult(new GetAgentResponse { Agent = supervisor.Get(request.AgentId) });
    }

    public Task<ListAgentsResponse> ListAgentsAsync(ListAgentsRequest request, RpcContext context)
    {
        tokens.RequireOperator(context.HttpContext);
        var filter = new AgentFilter(request.HasTeamId ? request.TeamId : null, request.Metadata.ToDictionary(), request.LiveOnly);
        return Task.FromResult(new ListAgentsResponse { Agents = { supervisor.List(filter) } });
    }

    public async IAsyncEnumerable<WatchAgentsResponse> WatchAgentsAsync(WatchAgentsRequest request, RpcContext context)
    {
        if (!tokens.IsOperator(context.HttpContext))
        {
            tokens.RequireService(context.HttpContext);
        }

        var filter = new AgentFilter(request.HasTeamId ? request.TeamId : null, request.Metadata.ToDictionary(), LiveOnly: false);
        var (snapshot, revision, changes) = supervisor.Watch();
        try
        {
            yield return new() { Snapshot = new() { Agents = { snapshot.Where(filter.Matches) } }, Revision = revision };
            await foreach (var agent in changes.ReadAllAsync(context.CancellationToken))
            {
                if (filter.Matches(agent))
                {
                    yield return new() { Changed = agent, Revision = agent.Revision };
                }
            }
        }
        finally
        {
            supervisor.Unwatch(changes);
        }
    }

    public async Task<KillAgentResponse> KillAgentAsync(KillAgentRequest request, RpcContext context)
    {
        RequireOperatorOrOwner(request.AgentId, request.Nonce, context);
        return new() { Agent = await supervisor.KillAsync(request.AgentId, "it was killed on request") };
    }

    public async IAsyncEnumerable<ReadAgentLogResponse> ReadAgentLogAsync(ReadAgentLogRequest request, RpcContext context)
    {
        RequireOperatorOrOwner(request.AgentId, request.Nonce, context);
        if (request.TailBytes < 0)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, "tail_bytes must be 0 or more");
        }

        await foreach (var chunk in supervisor.ReadLogAsync(request.AgentId, request.TailBytes, request.Follow, context.CancellationToken))
        {
            yield return new() { Data = ByteString.CopyFrom(chunk.Span) };
        }
    }

    public Task<ResolveAgentResponse> ResolveAgentAsync(ResolveAgentRequest request, RpcContext context)
    {
        tokens.RequireService(context.HttpContext);
        var (agent, endpoint, channelToken) = supervisor.Resolve(request.AgentId, request.Nonce);
        var response = new ResolveAgentResponse { Agent = agent, ChannelToken = channelToken };
        if (endpoint.UnixSocket is { } path)
        {
            response.UnixSocket = path;
        }
        else
        {
            response.Http = endpoint.Http!.ToString();
        }

        return Task.FromResult(response);
    }

    public Task<ReportActivityResponse> ReportActivityAsync(ReportActivityRequest request, RpcContext context)
    {
        tokens.RequireService(context.HttpContext);
        foreach (var activity in request.Activities)
        {
            supervisor.NoteActivity(activity.AgentId, activity.TurnRunning);
        }

        return Task.FromResult(new ReportActivityResponse());
    }

    private void RequireOperatorOrOwner(string agentId, string nonce, RpcContext context)
    {
        if (nonce.Length == 0)
        {
            tokens.RequireOperator(context.HttpContext);
        }
        else if (!tokens.IsOperator(context.HttpContext) && !supervisor.IsOwner(agentId, nonce))
        {
            throw AgentSupervisor.Denied();
        }
    }
}
