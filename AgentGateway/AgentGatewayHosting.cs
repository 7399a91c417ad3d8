using AgentKernel.AgentGateway.Agents;
using AgentKernel.AgentGateway.Grpc;
using AgentKernel.AgentGateway.Http;
using AgentKernel.AgentGateway.Turns;
using AgentKernel.Contracts;
using AgentKernel.Rpc;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace AgentKernel.AgentGateway;

/// <summary>Hosts AgentService, alone or beside other parts.</summary>
public static class AgentGatewayHosting
{
    // What a Turn message holds beside its body: the id, the nonce, the tags.
    private const int TurnMessageOverhead = 4096;

    /// <summary>Adds the gateway.</summary>
    /// <param name="services">Where to.</param>
    /// <param name="options">Its settings.</param>
    /// <param name="spawner">
    /// Tells the spawner's gRPC address in place of <see cref="AgentGatewayOptions.Spawner"/>, for a program whose
    /// ports are known only once it listens: asked once, by the first caller or after the application has started,
    /// whichever is earlier. Where it throws it is asked again.
    /// </param>
    /// <exception cref="InvalidOperationException">A setting is wrong; the message names its key.</exception>
    public static IServiceCollection AddAgentGateway(this IServiceCollection services, AgentGatewayOptions options, Func<Uri>? spawner = null)
    {
        if (options.Problems(addressElsewhere: spawner is not null).ToList() is { Count: > 0 } problems)
        {
            throw new InvalidOperationException(string.Join("; ", problems));
        }

        services.AddRpc();
        // An event goes out on the thread that it came in on. "Unsafe" where a handler blocks; none here does.
        services.Configure<SocketTransportOptions>(transport => transport.UnsafePreferInlineScheduling = true);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton(_ => new SpawnerLink(spawner ?? (() => options.Spawner!), options.ServiceToken)); // Problems() has seen one of the two
        services.AddSingleton<AgentDirectory>();
        services.AddSingleton<AgentCalls>();
        services.AddSingleton<RunningTurns>();
        services.AddSingleton<TurnOpener>();
        services.AddSingleton<ActivityReporter>();
        services.AddSingleton<AgentHttpApi>();
        services.AddSingleton<TurnHttpApi>();
        services.AddSingleton<AgentService>();
        services.AddHostedService(provider => provider.GetRequiredService<ActivityReporter>());
        services.AddHostedService<AgentWatch>();
        services.AddHealthChecks().AddCheck<SpawnerHealthCheck>("spawner");
        return services;
    }

    /// <summary>Maps the HTTP routes under <c>/v1</c> and the RPCs of AgentService.</summary>
    public static IEndpointRouteBuilder MapAgentGateway(this IEndpointRouteBuilder endpoints)
    {
        var services = endpoints.ServiceProvider;
        var turns = services.GetRequiredService<TurnHttpApi>();
        var agents = services.GetRequiredService<AgentHttpApi>();
        endpoints.MapPost("/v1/turn", turns.TurnAsync);
        endpoints.MapPost("/v1/turn/cancel", turns.CancelAsync);
        endpoints.MapPost("/v1/history", agents.HistoryAsync);
        endpoints.MapPost("/v1/control", agents.ControlAsync);
        endpoints.MapPost("/v1/info", agents.InfoAsync);
        endpoints.MapGet("/v1/info", agents.InfoByQueryAsync);

        var service = services.GetRequiredService<AgentService>();
        var limit = services.GetRequiredService<AgentGatewayOptions>().MaxRequestBytes;
        endpoints.MapRpc(AgentMethods.Turn, service.TurnAsync, limit + TurnMessageOverhead);
        endpoints.MapRpc(AgentMethods.CancelTurn, service.CancelTurnAsync);
        endpoints.MapRpc(AgentMethods.Control, service.ControlAsync, limit);
        endpoints.MapRpc(AgentMethods.GetHistory, service.GetHistoryAsync);
        endpoints.MapRpc(AgentMethods.GetInfo, service.GetInfoAsync);
        endpoints.MapUnknownRpc(AgentMethods.Service);
        return endpoints;
    }
}
