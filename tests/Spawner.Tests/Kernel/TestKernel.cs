using System.Collections.Concurrent;
using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults.Access;
using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Tests.Backends;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgentKernel.Spawner.Tests.Kernel;

/// <summary>A spawner on a port of its own, called over gRPC as others call it.</summary>
internal sealed class TestKernel : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TestKernel(WebApplication app, SpawnerOptions options, AccessTokens tokens, ConcurrentQueue<string> log)
    {
        (_app, Options, Tokens, Log) = (app, options, tokens, log);
        var address = new Uri(app.Urls.Single());
        Operator = new(address, new() { BearerToken = tokens.Operator });
        Service = new(address, new() { BearerToken = tokens.Service });
        Anyone = new(address);
    }

    public SpawnerOptions Options { get; }

    public AccessTokens Tokens { get; }

    /// <summary>Calls with the operator's token.</summary>
    public RpcChannel Operator { get; }

    /// <summary>Calls with the services' token.</summary>
    public RpcChannel Service { get; }

    /// <summary>Calls with no token.</summary>
    public RpcChannel Anyone { get; }

    /// <summary>What the kernel has logged so far, from Trace on.</summary>
    public ConcurrentQueue<string> Log { get; }

    /// <param name="machine">Runs agents as tasks; null: as processes.</param>
    /// <param name="backend">Where processes run.</param>
    public static async Task<TestKernel> StartAsync(TemporaryHome home, FakeMachine? machine = null, TimeProvider? time = null, SpawnerOptions? options = null, string backend = "local", params AgentType[] types)
    {
        options ??= new SpawnerOptions();
        options.Backend = machine is null ? backend : "fake";
        foreach (var type in machine is null ? types : Enum.GetValues<Behaviour>().Select(FakeMachine.Type))
        {
            options.AgentTypes.Add(type);
        }

        var tokens = new AccessTokens("the-operator's-token", "the-services'-token");
        var log = new ConcurrentQueue<string>();
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(server => server.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Logging.ClearProviders().SetMinimumLevel(LogLevel.Trace).AddProvider(new LogCollector(log));
        builder.Services.AddSingleton(home.Directory).AddSingleton(tokens).AddSingleton(time ?? TimeProvider.System);
        builder.Services.AddSpawner(options);
        if (machine is not null)
        {
            builder.Services.AddSingleton<IAgentBackend>(new FakeBackend(machine));
        }

        var app = builder.Build();
        try
        {
            app.MapSpawner();
            await app.StartAsync(TestContext.Current.CancellationToken);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }

        return new(app, options, tokens, log);
    }

    public Task<SpawnAgentResponse> SpawnAsync(string type, string team = "", Action<SpawnAgentRequest>? adjust = null, RpcCallOptions? call = null, CancellationToken? cancellation = null)
    {
        var request = new SpawnAgentRequest { Name = "tested", AgentType = type, TeamId = team };
        adjust?.Invoke(request);
        return Operator.CallAsync(AgentSpawnerMethods.SpawnAgent, request, call, cancellation ?? TestContext.Current.CancellationToken);
    }

    public Task<TResponse> CallAsync<TRequest, TResponse>(UnaryMethod<TRequest, TResponse> method, TRequest request)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> => Operator.CallAsync(method, request, cancellationToken: TestContext.Current.CancellationToken);

    public async Task<Agent> KillAsync(string id) => (await CallAsync(AgentSpawnerMethods.KillAgent, new() { AgentId = id })).Agent;

    public async Task<Agent> GetAsync(string id) => (await CallAsync(AgentSpawnerMethods.GetAgent, new() { AgentId = id })).Agent;

    public async Task<IReadOnlyList<Agent>> ListAsync() => (await CallAsync(AgentSpawnerMethods.ListAgents, new())).Agents;

    public async Task<Resources> UsedAsync(string team) => (await CallAsync(AgentSpawnerMethods.GetTeam, new() { TeamId = team })).Team.Used;

    public Task CreateTeamAsync(string id, int agents) => CallAsync(AgentSpawnerMethods.CreateTeam, new() { TeamId = id, Resources = new() { Agents = agents } });

    /// <summary>Begins to watch; returns when the snapshot is there.</summary>
    public async Task<AgentNews> WatchAsync()
    {
        var news = new AgentNews(this);
        await news.BeginAsync();
        return news;
    }

    /// <summary>Ends the kernel as SIGTERM does.</summary>
    public Task StopAsync(CancellationToken? limit = null) => _app.StopAsync(limit ?? TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        Operator.Dispose();
        Service.Dispose();
        Anyone.Dispose();
    }

    private sealed class LogCollector(ConcurrentQueue<string> lines) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue($"{logLevel}: {formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}
