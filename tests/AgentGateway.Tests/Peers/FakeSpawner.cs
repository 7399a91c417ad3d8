using System.Collections.Concurrent;
using System.Net;
using System.Threading.Channels;
using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace AgentKernel.AgentGateway.Tests.Peers;

/// <summary>A spawner of three methods, with agents as the test says.</summary>
public sealed class FakeSpawner : IAsyncDisposable
{
    public const string ServiceToken = "service-token-of-the-tests";

    private readonly ConcurrentDictionary<string, (ResolveAgentResponse Answer, string Nonce)> _agents = [];
    private readonly ConcurrentDictionary<Channel<WatchAgentsResponse>, bool> _watches = [];
    private readonly Channel<AgentActivity> _reports = Channel.CreateUnbounded<AgentActivity>();
    private WebApplication? _app;
    private long _revision;
    private int _resolved;

    public Uri Address { get; private set; } = new("http://127.0.0.1:1");

    /// <summary>How often it was asked for an agent.</summary>
    public int Resolved => Volatile.Read(ref _resolved);

    /// <summary>Answers of ResolveAgent wait for this.</summary>
    public Task ResolveGate { get; set; } = Task.CompletedTask;

    /// <summary>ReportActivity fails while this is set.</summary>
    public bool RefuseReports { get; set; }

    public static async Task<FakeSpawner> StartAsync()
    {
        var spawner = new FakeSpawner();
        await spawner.ListenAsync();
        return spawner;
    }

    /// <summary>Adds an agent that listens where the scripted one does.</summary>
    internal (string Id, string Nonce) Add(ScriptedAgent agent)
    {
        var (id, nonce) = (Guid.NewGuid().ToString(), $"nonce-{Guid.NewGuid():N}");
        Add(id, nonce, agent);
        return (id, nonce);
    }

    internal void Add(string id, string nonce, ScriptedAgent agent)
    {
        var answer = new ResolveAgentResponse
        {
            Agent = new() { Id = id, State = AgentState.Idle, Revision = Interlocked.Increment(ref _revision) },
            ChannelToken = agent.ChannelToken,
        };
        if (agent.UnixSocket is { } path)
        {
            answer.UnixSocket = path;
        }
        else
        {
            answer.Http = agent.Http!.ToString();
        }

        _agents[id] = (answer, nonce);
    }

    /// <summary>The agent ends: its record says so, and the watches are told.</summary>
    public void End(string id)
    {
        var (answer, nonce) = _agents[id];
        var ended = answer.Clone();
        ended.Agent.State = AgentState.Failed;
        ended.Agent.Revision = Interlocked.Increment(ref _revision);
        _agents[id] = (ended, nonce);
        foreach (var (watch, _) in _watches)
        {
            watch.Writer.TryWrite(new() { Changed = ended.Agent, Revision = ended.Agent.Revision });
        }
    }

    /// <summary>The agent is not known any more, and nobody is told.</summary>
    public void Forget(string id) => _agents.TryRemove(id, out _);

    /// <summary>The next activity that is reported.</summary>
    public async Task<AgentActivity> ReportAsync() => await Wait.ForAsync(_reports.Reader.ReadAsync().AsTask(), "a report of activity");

    /// <summary>Stops listening, and breaks what is open.</summary>
    public async Task StopAsync()
    {
        if (_app is { } app)
        {
            _app = null;
            foreach (var (watch, _) in _watches)
            {
                watch.Writer.TryComplete();
            }

            await app.DisposeAsync();
        }
    }

    /// <summary>Listens again, on the same port as before where there was one.</summary>
    public async Task ListenAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, Address.Port == 1 ? 0 : Address.Port, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddRoutingCore();
        builder.Services.AddRpc();
        var app = builder.Build();
        app.MapRpc(AgentSpawnerMethods.ResolveAgent, ResolveAsync);
        app.MapRpc(AgentSpawnerMethods.WatchAgents, WatchAsync);
        app.MapRpc(AgentSpawnerMethods.ReportActivity, ReportAsync);
        await app.StartAsync();
        Address = new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        _app = app;
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task<ResolveAgentResponse> ResolveAsync(ResolveAgentRequest request, RpcContext context)
    {
        RequireService(context);
        Interlocked.Increment(ref _resolved);
        var known = _agents.TryGetValue(request.AgentId, out var agent) && agent.Nonce == request.Nonce;
        var answer = known ? agent.Answer.Clone() : throw new RpcException(RpcStatusCode.PermissionDenied, "no");
        await ResolveGate;
        return answer.Agent.State == AgentState.Failed ? throw new RpcException(RpcStatusCode.FailedPrecondition, "it has ended") : answer;
    }

    private async IAsyncEnumerable<WatchAgentsResponse> WatchAsync(WatchAgentsRequest request, RpcContext context)
    {
        RequireService(context);
        var changes = Channel.CreateUnbounded<WatchAgentsResponse>();
        _watches[changes] = true;
        try
        {
            yield return new() { Snapshot = new() { Agents = { _agents.Values.Select(agent => agent.Answer.Agent) } }, Revision = Interlocked.Read(ref _revision) };
            await foreach (var change in changes.Reader.ReadAllAsync(context.CancellationToken))
            {
                yield return change;
            }
        }
        finally
        {
            _watches.TryRemove(changes, out _);
        }
    }

    private Task<ReportActivityResponse> ReportAsync(ReportActivityRequest request, RpcContext context)
    {
        RequireService(context);
        if (RefuseReports)
        {
            throw new RpcException(RpcStatusCode.Unavailable, "not now");
        }

        foreach (var activity in request.Activities)
        {
            _reports.Writer.TryWrite(activity);
        }

        return Task.FromResult(new ReportActivityResponse());
    }

    private static void RequireService(RpcContext context)
    {
        if (context.HttpContext.Request.Headers.Authorization != $"Bearer {ServiceToken}")
        {
            throw new RpcException(RpcStatusCode.Unauthenticated, "wants the service token");
        }
    }
}
