using AgentKernel.Contracts;
using AgentKernel.Contracts.OpenClaw.V1;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Client;

/// <summary>Lifecycle: teams, agents and their end. Wants the operator's token.</summary>
/// <remarks>All methods throw <see cref="RpcException"/> with the status and the message that the kernel answered with.</remarks>
public sealed class SpawnerClient
{
    private readonly RpcChannel _channel;

    internal SpawnerClient(RpcChannel channel) => _channel = channel;

    /// <summary>Reserves capacity that agents can be spawned into.</summary>
    /// <param name="teamId">A DNS label of 1 to 63 characters.</param>
    /// <param name="resources">How much to reserve; what is unset is not limited.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="RpcException">ALREADY_EXISTS; RESOURCE_EXHAUSTED when the host has not that much left.</exception>
    public async Task<Team> CreateTeamAsync(string teamId, Resources? resources = null, CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(AgentSpawnerMethods.CreateTeam, new() { TeamId = teamId, Resources = resources ?? new() }, cancellationToken: cancellationToken)).Team;

    /// <summary>Reads a team's capacity and what of it is in use.</summary>
    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public async Task<Team> GetTeamAsync(string teamId, CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(AgentSpawnerMethods.GetTeam, new() { TeamId = teamId }, cancellationToken: cancellationToken)).Team;

    /// <summary>Reads all teams.</summary>
    public async Task<IReadOnlyList<Team>> ListTeamsAsync(CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(AgentSpawnerMethods.ListTeams, new(), cancellationToken: cancellationToken)).Teams;

    /// <summary>Kills a team's agents, then gives its capacity back.</summary>
    /// <returns>The last records of the agents that were killed.</returns>
    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public async Task<IReadOnlyList<Agent>> DeleteTeamAsync(string teamId, CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(AgentSpawnerMethods.DeleteTeam, new() { TeamId = teamId }, cancellationToken: cancellationToken)).Killed;

    /// <summary>Starts an agent and returns when it can take turns. A cancelled spawn leaves nothing behind.</summary>
    /// <exception cref="RpcException">
    /// INVALID_ARGUMENT naming the field; NOT_FOUND for the team; RESOURCE_EXHAUSTED for a full one; FAILED_PRECONDITION,
    /// with the last of its output, for a program that does not start.
    /// </exception>
    public async Task<OwnedAgent> SpawnAsync(SpawnAgentRequest request, CancellationToken cancellationToken = default)
    {
        var response = await _channel.CallAsync(AgentSpawnerMethods.SpawnAgent, request, cancellationToken: cancellationToken);
        return new(response.Agent, response.Nonce);
    }

    /// <summary>Starts an agent of the reference type; see the other overload.</summary>
    /// <param name="name">A DNS label of 1 to 63 characters.</param>
    /// <param name="spawnInfo">What kind of agent it is to be; unset fields have the type's defaults.</param>
    /// <param name="teamId">The team whose capacity it takes from; null: the default team.</param>
    /// <param name="metadata">Labels for finding it again.</param>
    /// <param name="cancellationToken">Gives up, and leaves nothing behind.</param>
    public Task<OwnedAgent> SpawnAsync(
        string name, OpenClawSpawnInfo spawnInfo, string? teamId = null, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default)
    {
        var request = new SpawnAgentRequest { Name = name, TeamId = teamId ?? "", SpawnInfo = Any.Pack(spawnInfo) };
        request.Metadata.Add((metadata ?? new Dictionary<string, string>()).ToDictionary());
        return SpawnAsync(request, cancellationToken);
    }

    /// <summary>Reads an agent's record. That of an ended one stays for an hour.</summary>
    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public async Task<Agent> GetAsync(string agentId, CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(AgentSpawnerMethods.GetAgent, new() { AgentId = agentId }, cancellationToken: cancellationToken)).Agent;

    /// <summary>Reads the agents' records, oldest first.</summary>
    /// <param name="teamId">Only this team's; empty: the default team's; null: all.</param>
    /// <param name="metadata">Only those that carry all of these labels.</param>
    /// <param name="liveOnly">Leaves out those that have ended.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public async Task<IReadOnlyList<Agent>> ListAsync(
        string? teamId = null, IReadOnlyDictionary<string, string>? metadata = null, bool liveOnly = false, CancellationToken cancellationToken = default)
    {
        var request = new ListAgentsRequest { LiveOnly = liveOnly };
        if (teamId is not null)
        {
            request.TeamId = teamId;
        }

        request.Metadata.Add((metadata ?? new Dictionary<string, string>()).ToDictionary());
        return (await _channel.CallAsync(AgentSpawnerMethods.ListAgents, request, cancellationToken: cancellationToken)).Agents;
    }

    /// <summary>Streams a snapshot of all agents, then each change in order, until the enumeration is left.</summary>
    public IAsyncEnumerable<WatchAgentsResponse> WatchAsync(WatchAgentsRequest? request = null, CancellationToken cancellationToken = default) =>
        _channel.StreamAsync(AgentSpawnerMethods.WatchAgents, request ?? new(), cancellationToken: cancellationToken);

    /// <summary>Ends an agent and all that it started; returns when that is confirmed.</summary>
    /// <returns>Its last record. That of an agent which had ended before is returned as it was.</returns>
    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public async Task<Agent> KillAsync(string agentId, CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(AgentSpawnerMethods.KillAgent, new() { AgentId = agentId }, cancellationToken: cancellationToken)).Agent;

    /// <summary>Ends an agent by right of its nonce; no operator's token is needed.</summary>
    public async Task<Agent> KillAsync(OwnedAgent agent, CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(AgentSpawnerMethods.KillAgent, new() { AgentId = agent.Id, Nonce = agent.Nonce }, cancellationToken: cancellationToken)).Agent;

    /// <summary>What an agent's program has printed, oldest first.</summary>
    /// <param name="agentId">Which agent.</param>
    /// <param name="tailBytes">Only the last so many bytes; 0: all that is kept.</param>
    /// <param name="follow">Goes on with what it prints from now on, until it ends.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(
        string agentId, long tailBytes = 0, bool follow = false, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var request = new ReadAgentLogRequest { AgentId = agentId, TailBytes = tailBytes, Follow = follow };
        await foreach (var chunk in _channel.StreamAsync(AgentSpawnerMethods.ReadAgentLog, request, cancellationToken: cancellationToken))
        {
            yield return chunk.Data.Memory;
        }
    }
}
