using AgentKernel.AgentBus.Access;
using AgentKernel.AgentBus.Buses;
using AgentKernel.AgentBus.Log;
using AgentKernel.AgentBus.Log.Durable;
using AgentKernel.AgentBus.Voters.Models;
using AgentKernel.AgentBus.Voters.Rules;
using AgentKernel.AgentBus.Voting;
using AgentKernel.Contracts;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults;
using AgentKernel.ServiceDefaults.Access;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace AgentKernel.AgentBus;

/// <summary>Hosts AgentBusService, alone or beside other parts.</summary>
public static class AgentBusHosting
{
    // What an entry has around it on the wire: the bus's id and the lengths.
    private const int RequestOverhead = 4096;

    /// <summary>Adds the bus. Wants a <see cref="DataDirectory"/> (where it keeps logs on the disk) and <see cref="AccessTokens"/> among the services.</summary>
    /// <exception cref="InvalidOperationException">A setting is wrong; the message names its key.</exception>
    public static IServiceCollection AddAgentBus(this IServiceCollection services, AgentBusOptions options)
    {
        if (options.Problems().ToList() is { Count: > 0 } problems)
        {
            throw new InvalidOperationException(string.Join("; ", problems));
        }

        services.AddRpc();
        services.AddSingleton(options);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(_ => ModelKeys.FromEnvironment());
        services.AddSingleton<IVoterKind, RuleVoterKind>();
        services.AddSingleton<IVoterKind, LlmVoterKind>();
        services.AddSingleton<VoterCatalog>();
        services.AddSingleton(provider => OpenDirectory(provider, options));
        services.AddSingleton<BusDoor>();
        services.AddSingleton<AgentBusService>();
        services.AddSingleton<BusAdminService>();
        services.AddHostedService(provider => provider.GetRequiredService<BusDirectory>());
        services.AddHealthChecks().AddCheck<BusHealthCheck>("buses");
        if (options.Storage == "disk")
        {
            services.AddSingleton<LockedBusFolder>();
        }

        return services;
    }

    /// <summary>Maps the RPCs of AgentBusService and BusAdminService.</summary>
    public static IEndpointRouteBuilder MapAgentBus(this IEndpointRouteBuilder endpoints)
    {
        var options = endpoints.ServiceProvider.GetRequiredService<AgentBusOptions>();
        var bus = endpoints.ServiceProvider.GetRequiredService<AgentBusService>();
        endpoints.MapRpc(AgentBusMethods.Append, bus.AppendAsync, options.MaxEntryBytes + RequestOverhead);
        endpoints.MapRpc(AgentBusMethods.Poll, bus.PollAsync);
        endpoints.MapRpc(AgentBusMethods.ReadNext, bus.ReadNextAsync);
        endpoints.MapRpc(AgentBusMethods.CheckTail, bus.CheckTailAsync);
        endpoints.MapRpc(AgentBusMethods.BlockingPoll, bus.BlockingPollAsync);
        endpoints.MapUnknownRpc(AgentBusMethods.Service);

        var admin = endpoints.ServiceProvider.GetRequiredService<BusAdminService>();
        endpoints.MapRpc(BusAdminMethods.RegisterBus, admin.RegisterBusAsync);
        endpoints.MapRpc(BusAdminMethods.ListBuses, admin.ListBusesAsync);
        endpoints.MapRpc(BusAdminMethods.ListPending, admin.ListPendingAsync);
        endpoints.MapRpc(BusAdminMethods.DeleteBus, admin.DeleteBusAsync);
        endpoints.MapUnknownRpc(BusAdminMethods.Service);
        return endpoints;
    }

    private static BusDirectory OpenDirectory(IServiceProvider provider, AgentBusOptions options)
    {
        var time = provider.GetRequiredService<TimeProvider>();
        var voters = provider.GetRequiredService<VoterCatalog>();
        var logger = provider.GetRequiredService<ILogger<BusDirectory>>();
        if (options.Storage == "memory")
        {
            return new(new MemoryLogStore(time), folder: null, voters, options, time, logger);
        }

        var path = provider.GetRequiredService<LockedBusFolder>().Path;
        return new(new SegmentedLogStore(path, options.SegmentBytes, time), new BusFolder(path), voters, options, time, logger);
    }
}
