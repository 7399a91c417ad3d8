using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Client;

/// <summary>
/// A connection to a kernel: spawn agents, talk to them, end them. One is enough for a program; it serves any number of
/// calls at once.
/// </summary>
/// <example>
/// <code>
/// using var kernel = AgentKernelClient.Connect();
/// var agent = await kernel.Spawner.SpawnAsync("researcher", new OpenClawSpawnInfo { SystemPrompt = "Be thorough." });
/// Console.WriteLine(await kernel.AskAsync(agent, "What do you know about tides?"));
/// await kernel.Spawner.KillAsync(agent);
/// </code>
/// </example>
public sealed class AgentKernelClient : IDisposable
{
    private readonly RpcChannel _spawner;
    private readonly RpcChannel _gateway;
    private readonly RpcChannel _agentBus;

    /// <summary>Connects, with the first call, to a kernel whose services listen at one address.</summary>
    /// <param name="grpc">Where it speaks gRPC.</param>
    /// <param name="operatorToken">The operator's token; null for an owner who only talks to an agent.</param>
    public AgentKernelClient(Uri grpc, string? operatorToken = null)
        : this(grpc, grpc, operatorToken)
    {
    }

    /// <summary>Connects, with the first call, to services that listen at addresses of their own.</summary>
    /// <param name="spawner">Where the spawner speaks gRPC.</param>
    /// <param name="gateway">Where the gateway speaks gRPC. It is never sent the operator's token.</param>
    /// <param name="operatorToken">The operator's token; null for an owner who only talks to an agent.</param>
    /// <param name="agentBus">Where the bus service speaks gRPC; null: where the spawner does.</param>
    public AgentKernelClient(Uri spawner, Uri gateway, string? operatorToken = null, Uri? agentBus = null)
    {
        _spawner = new(spawner, new() { BearerToken = operatorToken });
        _gateway = new(gateway);
        _agentBus = new(agentBus ?? spawner, new() { BearerToken = operatorToken });
        Buses = new(_agentBus);
        Spawner = new(_spawner);
        Agents = new(_gateway);
    }

    /// <summary>Teams, agents and their end.</summary>
    public SpawnerClient Spawner { get; }

    /// <summary>The agents' buses.</summary>
    public BusClient Buses { get; }

    /// <summary>Turns, history and control of the agents that the caller owns.</summary>
    public AgentsClient Agents { get; }

    /// <summary>
    /// Connects to the services that <c>AGENTKERNEL_SPAWNER</c> and <c>AGENTKERNEL_GATEWAY</c> name, or to the kernel that
    /// runs on a data directory; with the operator's token of <c>AGENTKERNEL_TOKEN</c>, or the one that is kept there.
    /// </summary>
    /// <param name="home">The directory; null: <c>AGENTKERNEL_HOME</c>, or <c>~/.agentkernel</c>.</param>
    /// <exception cref="InvalidOperationException">No kernel runs on it, or a variable is wrong.</exception>
    public static AgentKernelClient Connect(string? home = null)
    {
        if (ConnectToServices(home) is { } connected)
        {
            return connected;
        }

        var directory = new DataDirectory(home);
        var endpoints = KernelEndpoints.Read(directory)
            ?? throw new InvalidOperationException($"no kernel runs on the data directory {directory.Path}; start one with 'agentkernel up'");
        return new(endpoints.Grpc, directory.OperatorToken());
    }

    /// <summary>
    /// Connects to the services that <c>AGENTKERNEL_SPAWNER</c> and <c>AGENTKERNEL_GATEWAY</c> name; null where they name none.
    /// </summary>
    /// <param name="home">The data directory, for the operator's token where <c>AGENTKERNEL_TOKEN</c> has none; null as for <see cref="Connect"/>.</param>
    /// <exception cref="InvalidOperationException">A variable is wrong.</exception>
    public static AgentKernelClient? ConnectToServices(string? home = null) => RemoteServices.FromEnvironment() is { } services
        ? new(services.Spawner, services.Gateway, new DataDirectory(home).OperatorToken(), services.AgentBus)
        : null;

    /// <summary>Sends one message to an agent and returns its whole answer.</summary>
    /// <exception cref="AgentTurnException">The turn failed on its way.</exception>
    /// <exception cref="RpcException">The agent could not be reached, or was busy.</exception>
    public Task<string> AskAsync(OwnedAgent agent, string message, CancellationToken cancellationToken = default) =>
        Agents.AskAsync(agent.Id, agent.Nonce, message, cancellationToken);

    /// <summary>All agents and teams, as they are now.</summary>
    public async Task<KernelStatus> StatusAsync(CancellationToken cancellationToken = default)
    {
        var agents = Spawner.ListAsync(cancellationToken: cancellationToken);
        var teams = Spawner.ListTeamsAsync(cancellationToken);
        return new(await agents, await teams);
    }

    /// <summary>Kills every agent and deletes every team.</summary>
    /// <returns>The last records of the agents that were killed.</returns>
    public async Task<IReadOnlyList<Agent>> CleanupAsync(CancellationToken cancellationToken = default)
    {
        var killed = new List<Agent>();
        foreach (var team in await Spawner.ListTeamsAsync(cancellationToken))
        {
            killed.AddRange(await Spawner.DeleteTeamAsync(team.Id, cancellationToken));
        }

        var rest = await Spawner.ListAsync(liveOnly: true, cancellationToken: cancellationToken);
        killed.AddRange(await Task.WhenAll(rest.Select(agent => Spawner.KillAsync(agent.Id, cancellationToken))));
        return killed;
    }

    /// <summary>Ends the connections. Agents go on.</summary>
    public void Dispose()
    {
        _spawner.Dispose();
        _gateway.Dispose();
        _agentBus.Dispose();
    }
}

/// <summary>What runs on a kernel.</summary>
/// <param name="Agents">All agents, oldest first, those that ended in the last hour included.</param>
/// <param name="Teams">All teams, with what is in use of each.</param>
public sealed record KernelStatus(IReadOnlyList<Agent> Agents, IReadOnlyList<Team> Teams);
