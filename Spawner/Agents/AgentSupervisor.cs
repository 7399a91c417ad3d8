using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults.Access;
using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Backends.Local;
using AgentKernel.Spawner.Buses;
using AgentKernel.Spawner.Processes;
using AgentKernel.Spawner.Teams;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgentKernel.Spawner.Agents;

/// <summary>
/// Knows every agent and carries each from its start to its end, the same for every backend: ids and nonces, shares of
/// teams, records, and the news of each change.
/// </summary>
internal sealed partial class AgentSupervisor(
    BackendCatalog backends, TeamRegistry teams, AgentStore store, AgentTypeCatalog types, OrphanSweep orphans, BusLink buses, SpawnerOptions options, TimeProvider time,
    IHostApplicationLifetime lifetime, ILogger<AgentSupervisor> logger)
{
    private const int NoSpaceLeft = 28; // ENOSPC

    private readonly ConcurrentDictionary<string, SupervisedAgent> _agents = new(StringComparer.Ordinal);
    private readonly AgentFeed _feed = new();
    private readonly Lock _changes = new(); // orders revisions, records and news
    // From the clock on, in microseconds: not every change is kept, and those who knew an earlier kernel must see larger numbers.
    private long _revision = time.GetUtcNow().ToUnixTimeMilliseconds() * 1000;

    /// <summary>Starts an agent; returns when it can take turns.</summary>
    /// <returns>Its record and the nonce, which is kept nowhere.</returns>
    public async Task<(Agent Agent, string Nonce)> SpawnAsync(SpawnAgentRequest request, CancellationToken cancellationToken)
    {
        if (_stopping.IsCancellationRequested)
        {
            throw ShuttingDown();
        }

        var type = types.Find(request.AgentType);
        SpawnRequestRules.Check(request, type, backends.Chosen);
        BusLink.Check(request, backends.Chosen);
        var share = ResourceAmounts.ShareOf(request.Resources);
        var nonce = SecretToken.Create();
        var record = new AgentRecord
        {
            Id = Guid.NewGuid().ToString(),
            Name = request.Name,
            TeamId = request.TeamId,
            AgentType = type.Name,
            Backend = backends.Chosen.Name,
            TransportFormat = request.TransportFormat.Length > 0 ? request.TransportFormat : type.TransportFormats is [var first, ..] ? first : "anthropic",
            Metadata = request.Metadata.ToDictionary(),
            Resources = share,
            NonceHash = SecretToken.Hash(nonce),
            ChannelToken = SecretToken.Create(),
            CreatedAt = time.GetUtcNow(),
            Restart = RestartRule.Of(request.RestartPolicy),
            IdleTimeout = request.IdleTimeout?.ToTimeSpan(),
            MaxLifetime = request.MaxLifetime?.ToTimeSpan(),
        };
        _ = AgentConfig.Build(record, request); // refused before anything is taken
        var agent = new SupervisedAgent(record, teams.Take(record.TeamId, share));
        _agents[record.Id] = agent;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, agent.Start.Token, _stopping.Token);
        try
        {
            agent.Lease!.RequireOpenTeam(); // taken above
            // A folder without a record is what a start leaves that is cut short by the end of the kernel: the next one removes it.
            store.CreateFolder(record.Id);
            store.SaveRequest(record.Id, request);
            var bus = request.Agentbus is null ? null : await buses.OpenAsync(record.Id, record.Name, record.TeamId, record.NonceHash, request.Agentbus, either.Token);
            record = record with { Bus = bus };
            Change(agent, current => current with { Bus = bus });
            var spec = SpecOf(record, type, request, agent.Lease);
            spec = spec with { Secrets = [.. spec.Secrets, nonce] };
            agent.Handle = await backends.Chosen.StartAsync(spec, either.Token);
            Change(agent, current => current with { State = AgentState.Idle, ReadyAt = time.GetUtcNow(), BackendState = agent.Handle.SavedState }, save: true);
            // Nobody may be there any more to be given the nonce: an agent without an owner must not stay. And whoever
            // stops an agent cancels its start before looking for a handle, so one of the two sees the other.
            either.Token.ThrowIfCancellationRequested();
        }
        catch (Exception exception)
        {
            await UndoAsync(agent, exception);
            throw exception switch
            {
                AgentStartException failed => new RpcException(RpcStatusCode.FailedPrecondition, $"agent '{record.Name}' could not be started: {failed.Message}", failed),
                OperationCanceledException when agent.StopReason is { } reason => new RpcException(RpcStatusCode.Aborted, $"agent '{record.Name}' was stopped while it started: {reason}", exception),
                OperationCanceledException when _stopping.IsCancellationRequested => ShuttingDown(),
                IOException { HResult: NoSpaceLeft } => new RpcException(RpcStatusCode.ResourceExhausted, $"agent '{record.Name}' could not be started: the disk of the data directory is full", exception),
                _ => exception,
            };
        }

        Supervise(agent, agent.Handle);
        var took = time.GetUtcNow() - record.CreatedAt;
        LogSpawned(record.Id, record.Name, record.AgentType, took);
        return (agent.ToMessage(), nonce);
    }

    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public Agent Get(string agentId) => Find(agentId).ToMessage();

    public IEnumerable<Agent> List(AgentFilter filter) =>
        _agents.Values.Select(agent => agent.ToMessage()).Where(filter.Matches).OrderBy(agent => agent.CreatedAt.ToDateTimeOffset()).ThenBy(agent => agent.Id, StringComparer.Ordinal);

    /// <summary>Begins to watch: what there is now, and a reader of every change from then on.</summary>
    public (IReadOnlyList<Agent> Snapshot, long Revision, ChannelReader<Agent> Changes) Watch()
    {
        lock (_changes)
        {
            return ([.. List(AgentFilter.All)], _revision, _feed.Subscribe());
        }
    }

    /// <summary>Ends what <see cref="Watch"/> began.</summary>
    public void Unwatch(ChannelReader<Agent> changes) => _feed.Unsubscribe(changes);

    /// <summary>Whether the nonce is that of the agent; the same for an unknown agent as for a wrong nonce.</summary>
    public bool IsOwner(string agentId, string nonce) =>
        _agents.TryGetValue(agentId, out var agent) && SecretToken.Matches(agent.Record.NonceHash, nonce);

    /// <summary>Ends an agent and all that it started; returns its last record. One that has ended already stays as it is.</summary>
    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public async Task<Agent> KillAsync(string agentId, string reason)
    {
        var agent = Find(agentId);
        await StopAsync(agent, reason);
        return agent.ToMessage();
    }

    /// <summary>Lets no agent into a team any more, ends those it has, and gives its capacity back.</summary>
    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public async Task<IReadOnlyList<Agent>> DeleteTeamAsync(string teamId)
    {
        var closed = teams.Close(teamId);
        var members = _agents.Values.Where(agent => agent.Record.TeamId == teamId && !agent.Record.HasEnded).ToList();
        await Task.WhenAll(members.Select(agent => StopAsync(agent, $"its team '{teamId}' was deleted")));
        teams.Remove(closed);
        return [.. members.Select(agent => agent.ToMessage())];
    }

    /// <summary>Where an agent listens and what it asks for, for whoever owns it.</summary>
    /// <exception cref="RpcException">PERMISSION_DENIED for a wrong nonce and an unknown agent; FAILED_PRECONDITION for one that is not running.</exception>
    public (Agent Agent, AgentEndpoint Endpoint, string ChannelToken) Resolve(string agentId, string nonce)
    {
        if (!IsOwner(agentId, nonce) || !_agents.TryGetValue(agentId, out var agent))
        {
            throw Denied();
        }

        var record = agent.Record;
        return agent.Handle is { } handle && record.State is AgentState.Idle or AgentState.Running
            ? (agent.ToMessage(), handle.Endpoint, record.ChannelToken)
            : throw new RpcException(RpcStatusCode.FailedPrecondition, record.Exit is { } exit
                ? $"agent '{record.Name}' has ended: {exit.Reason}"
                : $"agent '{record.Name}' is not running yet");
    }

    /// <summary>Takes note that a turn has begun or ended. An agent that is gone meanwhile is passed over.</summary>
    public void NoteActivity(string agentId, bool turnRunning)
    {
        if (_agents.TryGetValue(agentId, out var agent))
        {
            var state = turnRunning ? AgentState.Running : AgentState.Idle;
            Change(agent, current =>
            {
                if (current.State is not (AgentState.Idle or AgentState.Running) || current.State == state)
                {
                    return null;
                }

                agent.Timers?.Note(turnRunning); // here, where changes are in order
                return current with { State = state };
            });
        }
    }

    /// <summary>What an agent has printed.</summary>
    /// <exception cref="RpcException">NOT_FOUND, also for an ended agent whose log was not kept; FAILED_PRECONDITION for one that is still starting; RESOURCE_EXHAUSTED where the system has nothing left to follow it with.</exception>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(string agentId, long tailBytes, bool follow, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var agent = Find(agentId);
        if (agent.Record.State is AgentState.Starting)
        {
            throw new RpcException(RpcStatusCode.FailedPrecondition, $"agent '{agent.Record.Name}' is starting; its log can be read when it is ready");
        }

        if (agent.Handle is not { } handle || !Directory.Exists(store.FolderOf(agentId)))
        {
            throw new RpcException(RpcStatusCode.NotFound, $"agent '{agent.Record.Name}' has ended and its log was removed with it; its record holds the last of its output");
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        await using var chunks = handle.ReadLogAsync(tailBytes, follow, either.Token).GetAsyncEnumerator(either.Token);
        while (await NextAsync())
        {
            yield return chunks.Current;
        }

        async Task<bool> NextAsync()
        {
            try
            {
                return await chunks.MoveNextAsync();
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                throw ShuttingDown();
            }
            catch (LogNewsException exception)
            {
                throw new RpcException(RpcStatusCode.ResourceExhausted, $"the log of agent '{agent.Record.Name}' cannot be followed: {exception.Message}", exception);
            }
        }
    }

    /// <summary>The refusal of a wrong nonce, the same for an unknown agent, so that ids cannot be probed.</summary>
    public static RpcException Denied() => new(RpcStatusCode.PermissionDenied, "there is no such agent, or this is not its nonce");

    private SupervisedAgent Find(string agentId) =>
        _agents.TryGetValue(agentId, out var agent) ? agent : throw new RpcException(RpcStatusCode.NotFound, $"agent_id: there is no agent '{agentId}'");

    // Of an agent that is taken up, what is left: without a request, its backend can only hold and end it.
    private AgentSpec SpecOf(AgentRecord record, AgentType type, SpawnAgentRequest? request, TeamLease? lease)
    {
        var spec = new AgentSpec
        {
            AgentId = record.Id,
            Name = record.Name,
            Type = type,
            Folder = store.FolderOf(record.Id),
            Config = [],
            TeamId = record.TeamId,
            TeamResources = lease?.Capacity.ToMessage() ?? new(),
            Resources = record.Resources.ToMessage(),
            Metadata = record.Metadata,
            MaxLifetime = record.MaxLifetime,
            StartTimeout = options.StartTimeout,
            Secrets = [record.ChannelToken, .. AgentEnvironment.ForwardedKeys.Select(System.Environment.GetEnvironmentVariable).OfType<string>()],
        };
        if (request is null)
        {
            return spec;
        }

        var settings = lease?.Config ?? new();
        settings.MergeFrom(request.Config ?? new());
        var config = AgentConfig.Build(record, request);
        return spec with
        {
            Config = config,
            Environment = request.Env.ToDictionary(),
            Network = request.Network ?? new(),
            ModelAccess = request.ModelAccess,
            BackendConfig = settings,
            Secrets = [.. spec.Secrets, .. AgentConfig.Secrets(config), .. request.Env.Where(pair => AgentConfig.IsSecret(pair.Key)).Select(pair => pair.Value)],
        };
    }

    private async Task StopAsync(SupervisedAgent agent, string reason)
    {
        agent.StopReason ??= reason;
        if (agent.Record.HasEnded)
        {
            return;
        }

        await agent.Start.CancelAsync();
        if (agent.Handle is { } handle)
        {
            try
            {
                await handle.StopAsync(options.StopGrace);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw new RpcException(RpcStatusCode.Internal, $"agent '{agent.Record.Name}' could not be ended: {exception.Message}", exception);
            }
        }

        await agent.Ended.Task;
    }

    // Null from the function: nothing changes after all.
    private void Change(SupervisedAgent agent, Func<AgentRecord, AgentRecord?> change, bool save = false)
    {
        lock (_changes)
        {
            if (change(agent.Record) is not { } changed)
            {
                return;
            }

            changed = changed with { Revision = ++_revision };
            if (save)
            {
                store.Save(changed);
            }

            agent.Record = changed;
            _feed.Publish(agent.ToMessage());
        }
    }

    private static RpcException ShuttingDown() => new(RpcStatusCode.Unavailable, "the kernel is shutting down");

    [LoggerMessage(Level = LogLevel.Information, Message = "Agent {AgentId} ({Name}, {AgentType}) is ready after {Took}")]
    private partial void LogSpawned(string agentId, string name, string agentType, TimeSpan took);
}
