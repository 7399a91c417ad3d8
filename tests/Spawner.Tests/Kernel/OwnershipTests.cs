using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.Spawner.Tests.Backends;
using Google.Protobuf;

namespace AgentKernel.Spawner.Tests.Kernel;

/// <summary>Who may do what: the operator, an agent's owner, the kernel's own services, and nobody else.</summary>
public sealed class OwnershipTests : IAsyncLifetime
{
    private readonly TemporaryHome _home = new();
    private readonly FakeMachine _machine = new();
    private TestKernel _kernel = null!;
    private SpawnAgentResponse _mine = null!;
    private SpawnAgentResponse _other = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _kernel = await TestKernel.StartAsync(_home, _machine);
        (_mine, _other) = (await _kernel.SpawnAsync("idle"), await _kernel.SpawnAsync("idle"));
    }

    public async ValueTask DisposeAsync()
    {
        await _kernel.DisposeAsync();
        _home.Dispose();
    }

    [Fact]
    public async Task EveryCall_WithoutAToken_IsRefused()
    {
        foreach (var channel in new[] { _kernel.Anyone, _kernel.Service })
        {
            await RefusedAsync(channel, AgentSpawnerMethods.CreateTeam, new CreateTeamRequest { TeamId = "red" });
            await RefusedAsync(channel, AgentSpawnerMethods.GetTeam, new GetTeamRequest());
            await RefusedAsync(channel, AgentSpawnerMethods.ListTeams, new ListTeamsRequest());
            await RefusedAsync(channel, AgentSpawnerMethods.DeleteTeam, new DeleteTeamRequest());
            await RefusedAsync(channel, AgentSpawnerMethods.SpawnAgent, new SpawnAgentRequest { Name = "x", AgentType = "idle" });
            await RefusedAsync(channel, AgentSpawnerMethods.GetAgent, new GetAgentRequest { AgentId = _mine.Agent.Id });
            await RefusedAsync(channel, AgentSpawnerMethods.ListAgents, new ListAgentsRequest());
            await RefusedAsync(channel, AgentSpawnerMethods.KillAgent, new KillAgentRequest { AgentId = _mine.Agent.Id });
            await Refusal.IsAsync(RpcStatusCode.Unauthenticated, "token", () => ReadLogAsync(channel, _mine.Agent.Id, ""));
        }

        await Refusal.IsAsync(RpcStatusCode.Unauthenticated, "token", () => _kernel.Anyone.StreamAsync(AgentSpawnerMethods.WatchAgents, new(), cancellationToken: Cancellation).FirstAsync(Cancellation).AsTask());
        foreach (var channel in new[] { _kernel.Anyone, _kernel.Operator })
        {
            await RefusedAsync(channel, AgentSpawnerMethods.ResolveAgent, new ResolveAgentRequest { AgentId = _mine.Agent.Id, Nonce = _mine.Nonce });
            await RefusedAsync(channel, AgentSpawnerMethods.ReportActivity, new ReportActivityRequest());
        }

        Assert.Equal(2, _machine.Running.Count());

        static Task RefusedAsync<TRequest, TResponse>(RpcChannel channel, UnaryMethod<TRequest, TResponse> method, TRequest request)
            where TRequest : class, IMessage<TRequest>
            where TResponse : class, IMessage<TResponse> =>
            Refusal.IsAsync(RpcStatusCode.Unauthenticated, "token", () => channel.CallAsync(method, request, cancellationToken: Cancellation));
    }

    [Fact]
    public async Task Agent_WithWhatIsNotItsNonce_IsRefusedAsAnUnknownOneIs()
    {
        var answers = new List<string>();
        var channelToken = (string?)_machine.Agents[_mine.Agent.Id].Spec.Config["nonce"];
        foreach (var (id, nonce) in new[]
        {
            (_mine.Agent.Id, _other.Nonce), (_mine.Agent.Id, channelToken!), (_mine.Agent.Id, "wrong"), (_mine.Agent.Id, _mine.Nonce + "x"), (_mine.Agent.Id, _mine.Nonce[..42]),
            (Guid.NewGuid().ToString(), _mine.Nonce), ("", _mine.Nonce),
        })
        {
            answers.Add(await AnswerAsync(() => _kernel.Anyone.CallAsync(AgentSpawnerMethods.KillAgent, new() { AgentId = id, Nonce = nonce }, cancellationToken: Cancellation)));
            answers.Add(await AnswerAsync(() => ReadLogAsync(_kernel.Anyone, id, nonce)));
            answers.Add(await AnswerAsync(() => _kernel.Service.CallAsync(AgentSpawnerMethods.ResolveAgent, new() { AgentId = id, Nonce = nonce }, cancellationToken: Cancellation)));
        }

        answers.Add(await AnswerAsync(() => _kernel.Service.CallAsync(AgentSpawnerMethods.ResolveAgent, new() { AgentId = _mine.Agent.Id }, cancellationToken: Cancellation)));
        answers.Add(await AnswerAsync(() => _kernel.Service.CallAsync(AgentSpawnerMethods.ResolveAgent, new() { AgentId = "unknown" }, cancellationToken: Cancellation)));
        Assert.Equal("PermissionDenied: there is no such agent, or this is not its nonce", Assert.Single(answers.Distinct(StringComparer.Ordinal)));
        Assert.Equal(2, _machine.Running.Count());

        static async Task<string> AnswerAsync(Func<Task> call)
        {
            var refusal = await Assert.ThrowsAsync<RpcException>(call);
            return $"{refusal.Code}: {refusal.Message}";
        }
    }

    [Fact]
    public async Task Owner_WithTheNonceAlone_ReadsAndEndsItsAgent()
    {
        await ReadLogAsync(_kernel.Anyone, _mine.Agent.Id, _mine.Nonce);
        var resolved = await _kernel.Service.CallAsync(AgentSpawnerMethods.ResolveAgent, new() { AgentId = _mine.Agent.Id, Nonce = _mine.Nonce }, cancellationToken: Cancellation);
        Assert.Equal((_mine.Agent.Id, "/fake.sock", (string?)_machine.Agents[_mine.Agent.Id].Spec.Config["nonce"]), (resolved.Agent.Id, resolved.UnixSocket, resolved.ChannelToken));
        var killed = await _kernel.Anyone.CallAsync(AgentSpawnerMethods.KillAgent, new() { AgentId = _mine.Agent.Id, Nonce = _mine.Nonce }, cancellationToken: Cancellation);
        Assert.Equal((AgentState.Stopped, 15, "it was killed on request"), (killed.Agent.State, killed.Agent.Exit.Signal, killed.Agent.Exit.Reason));
        await Refusal.IsAsync(RpcStatusCode.FailedPrecondition, "has ended: it was killed on request",
            () => _kernel.Service.CallAsync(AgentSpawnerMethods.ResolveAgent, new() { AgentId = _mine.Agent.Id, Nonce = _mine.Nonce }, cancellationToken: Cancellation));
        Assert.Equal([_other.Agent.Id], _machine.Running);
    }

    [Fact]
    public async Task Operator_NamingAnUnknownAgent_IsToldSo()
    {
        await Refusal.IsAsync(RpcStatusCode.NotFound, "agent_id", () => _kernel.KillAsync("unknown"));
        await Refusal.IsAsync(RpcStatusCode.NotFound, "agent_id", () => _kernel.GetAsync("unknown"));
        await Refusal.IsAsync(RpcStatusCode.NotFound, "agent_id", () => ReadLogAsync(_kernel.Operator, "unknown", ""));
        await Refusal.IsAsync(RpcStatusCode.InvalidArgument, "tail_bytes",
            () => _kernel.Operator.StreamAsync(AgentSpawnerMethods.ReadAgentLog, new() { AgentId = _mine.Agent.Id, TailBytes = -1 }, cancellationToken: Cancellation).FirstAsync(Cancellation).AsTask());
    }

    [Fact]
    public async Task Activity_OfAnAgent_ShowsInItsState()
    {
        await using var news = await _kernel.WatchAsync();
        await ReportAsync(_mine.Agent.Id, running: true);
        await news.UntilAsync(AgentState.Running, _mine.Agent.Id);
        await ReportAsync("unknown", running: true);
        await ReportAsync(_mine.Agent.Id, running: false);
        await news.UntilAsync(AgentState.Idle, _mine.Agent.Id);
        await _kernel.KillAsync(_mine.Agent.Id);
        await ReportAsync(_mine.Agent.Id, running: true);
        Assert.Equal(AgentState.Stopped, (await _kernel.GetAsync(_mine.Agent.Id)).State);

        Task ReportAsync(string id, bool running) => _kernel.Service.CallAsync(
            AgentSpawnerMethods.ReportActivity, new() { Activities = { new AgentActivity { AgentId = id, TurnRunning = running } } }, cancellationToken: Cancellation);
    }

    private static async Task ReadLogAsync(RpcChannel channel, string id, string nonce)
    {
        await foreach (var piece in channel.StreamAsync(AgentSpawnerMethods.ReadAgentLog, new() { AgentId = id, Nonce = nonce }, cancellationToken: Cancellation))
        {
            Assert.NotEmpty(piece.Data);
        }
    }
}
