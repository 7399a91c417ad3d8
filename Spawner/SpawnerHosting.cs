using AgentKernel.Contracts;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults;
using AgentKernel.ServiceDefaults.Access;
using AgentKernel.Spawner.Agents;
using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Backends.Bubblewrap;
using AgentKernel.Spawner.Backends.Local;
using AgentKernel.Spawner.Limits;
using AgentKernel.Spawner.Buses;
using AgentKernel.Spawner.Processes;
using AgentKernel.Spawner.Teams;
using AgentKernel.Spawner.Telemetry;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace AgentKernel.Spawner;

/// <summary>Hosts AgentSpawnerService, alone or beside other parts.</summary>
public static class SpawnerHosting
{
    // spawn_info, metadata and env have 64 KiB each; the rest is small.
    private const int MaxRequestBytes = 1024 * 1024;

    /// <summary>Adds the spawner. Wants a <see cref="DataDirectory"/> and <see cref="AccessTokens"/> among the services.</summary>
    /// <param name="services">Where to.</param>
    /// <param name="options">Its settings.</param>
    /// <param name="agentBus">Tells the bus service's gRPC address, when the first agent wants it; null: there is none.</param>
    /// <exception cref="InvalidOperationException">A setting is wrong; the message names its key.</exception>
    public static IServiceCollection AddSpawner(this IServiceCollection services, SpawnerOptions options, Func<Uri?>? agentBus = null)
    {
        if (options.Problems().ToList() is { Count: > 0 } problems)
        {
            throw new InvalidOperationException(string.Join("; ", problems));
        }

        services.AddRpc();
        services.AddSingleton(options);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<LockedDataDirectory>();
        services.AddSingleton<ProcessExitWatcher>();
        services.AddSingleton<ResourceLimiter>(provider => new(provider.GetRequiredService<LockedDataDirectory>()));
        services.AddSingleton<OrphanSweep>();
        services.AddSingleton<IAgentBackend, LocalBackend>();
        services.AddSingleton<IAgentBackend, BubblewrapBackend>();
        services.AddSingleton<BackendCatalog>();
        services.AddSingleton<AgentTypeCatalog>();
        services.AddSingleton<AgentStore>();
        services.AddSingleton<TeamRegistry>();
        services.AddSingleton(provider => new BusLink(agentBus ?? (() => null), provider.GetRequiredService<AccessTokens>().Service));
        services.AddSingleton<AgentSupervisor>();
        services.AddSingleton<SpawnerTelemetry>();
        services.AddSingleton<AgentSpawnerService>();
        services.AddHostedService(provider => provider.GetRequiredService<AgentSupervisor>());
        services.AddHealthChecks().AddCheck<BackendHealthCheck>("backend").AddCheck<DataDirectoryHealthCheck>("data_directory");
        return services;
    }

    /// <summary>Maps the RPCs of AgentSpawnerService.</summary>
    public static IEndpointRouteBuilder MapSpawner(this IEndpointRouteBuilder endpoints)
    {
        var service = endpoints.ServiceProvider.GetRequiredService<AgentSpawnerService>();
        endpoints.MapRpc(AgentSpawnerMethods.CreateTeam, service.CreateTeamAsync);
        endpoints.MapRpc(AgentSpawnerMethods.GetTeam, service.GetTeamAsync);
        endpoints.MapRpc(AgentSpawnerMethods.ListTeams, service.ListTeamsAsync);
        endpoints.MapRpc(AgentSpawnerMethods.DeleteTeam, service.DeleteTeamAsync);
        endpoints.MapRpc(AgentSpawnerMethods.SpawnAgent, service.SpawnAgentAsync, MaxRequestBytes);
        endpoints.MapRpc(AgentSpawnerMethods.GetAgent, service.GetAgentAsync);
        endpoints.MapRpc(AgentSpawnerMethods.ListAgents, service.ListAgentsAsync);
        endpoints.MapRpc(AgentSpawnerMethods.WatchAgents, service.WatchAgentsAsync);
        endpoints.MapRpc(AgentSpawnerMethods.KillAgent, service.KillAgentAsync);
        endpoints.MapRpc(AgentSpawnerMethods.ReadAgentLog, service.ReadAgentLogAsync);
        endpoints.MapRpc(AgentSpawnerMethods.ResolveAgent, service.ResolveAgentAsync);
        endpoints.MapRpc(AgentSpawnerMethods.ReportActivity, service.ReportActivityAsync);
        endpoints.MapUnknownRpc(AgentSpawnerMethods.Service);
        return endpoints;
    }
}
