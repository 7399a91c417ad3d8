using System.Net;
using AgentKernel.AgentGateway.Tests.Peers;

namespace AgentKernel.AgentGateway.Tests;

public sealed class DirectoryTests : GatewayTest
{
    [Fact]
    public async Task Resolve_SecondCall_DoesNotAskTheSpawner()
    {
        await InfoAsync();
        await InfoAsync();
        await RefusedAsync(await AskAsync("wrong"), HttpStatusCode.Forbidden, "permission_denied");

        Assert.Equal(1, Spawner.Resolved);
    }

    [Fact]
    public async Task Resolve_ManyAtOnce_AsksOnce()
    {
        var gate = new TaskCompletionSource();
        Spawner.ResolveGate = gate.Task;
        var calls = Enumerable.Range(0, 10).Select(_ => AskAsync(Owned.Nonce)).ToList();
        // One of them gives up waiting; the others do not suffer from it.
        using var impatient = new CancellationTokenSource();
        var givenUp = Gateway.TurnAsync(Owned, cancellationToken: impatient.Token);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givenUp);

        gate.SetResult();
        for (var i = 0; i < calls.Count; i++)
        {
            await (await Agent.CallAsync()).AnswerAsync(200, "{}");
        }

        Assert.All(await Task.WhenAll(calls), response => Assert.Equal(HttpStatusCode.OK, response.StatusCode));
        Assert.Equal(1, Spawner.Resolved);
    }

    [Fact]
    public async Task AgentEnds_WhileATurnRuns_EndsItAndForgetsTheAgent()
    {
        var (events, call) = await BeginTurnAsync();
        await call.EventAsync("""{"body":"one","done":false}""");
        await events.EventAsync();

        Spawner.End(Owned.Id);

        Assert.Contains("agent ended", await events.FailedAsync("failed_precondition"), StringComparison.Ordinal);
        await call.ClosedAsync();
        await Agent.AtMostOpenAsync(0);
        await RefusedAsync(await AskAsync(Owned.Nonce), HttpStatusCode.BadRequest, "failed_precondition");
        await RefusedAsync(await AskAsync("wrong"), HttpStatusCode.Forbidden, "permission_denied");
        Assert.Equal(3, Spawner.Resolved);
    }

    [Fact]
    public async Task AgentEnds_WhileACallRuns_EndsIt()
    {
        var info = AskAsync(Owned.Nonce);
        var call = await Agent.CallAsync();

        Spawner.End(Owned.Id);

        await RefusedAsync(await info, HttpStatusCode.BadRequest, "failed_precondition");
        await call.ClosedAsync();
    }

    [Fact]
    public async Task AgentEnds_WhileItIsLookedUp_IsNotServed()
    {
        await using var other = ScriptedAgent.Start();
        var known = Spawner.Add(other);
        var otherInfo = Gateway.PostAsync("/v1/info", $$"""{"agent_id":"{{known.Id}}","nonce":"{{known.Nonce}}"}""");
        await (await other.CallAsync()).AnswerAsync(200, "{}");
        await otherInfo;
        var gate = new TaskCompletionSource();
        Spawner.ResolveGate = gate.Task;
        var info = AskAsync(Owned.Nonce);
        await Wait.ForAsync(Task.Run(() => SpinWait.SpinUntil(() => Spawner.Resolved == 2, Wait.Limit)), "the question to the spawner");

        // The news of the end overtakes the answer, which was right when it was given.
        Spawner.End(Owned.Id);
        Spawner.End(known.Id);
        await Gateway.Log.SeenAsync($"Agent {known.Id} has ended");
        gate.SetResult();

        await RefusedAsync(await info, HttpStatusCode.BadRequest, "failed_precondition");
    }

    [Fact]
    public async Task SpawnerRestarts_RunningTurnGoesOnAndTheDeadAreForgotten()
    {
        await using var other = ScriptedAgent.Start();
        var dead = Spawner.Add(other);
        var lost = Gateway.StreamAsync(dead);
        var lostCall = await other.CallAsync();
        await lostCall.BeginAsync();
        using var lostEvents = await lost;
        var (events, call) = await BeginTurnAsync();

        await Spawner.StopAsync();
        await Gateway.Log.SeenAsync("The watch on the spawner is lost");
        await call.EventAsync("""{"body":"still here","done":false}""");
        Assert.Equal("still here", (await events.EventAsync()).GetProperty("body").GetString());
        // Nobody can say whether the agent lives.
        await RefusedAsync(await AskAsync(Owned.Nonce), HttpStatusCode.ServiceUnavailable, "unavailable");

        Spawner.Forget(dead.Id);
        await Spawner.ListenAsync();
        await Gateway.Log.SeenAsync("Watching the spawner's agents", count: 2);

        await lostEvents.FailedAsync("failed_precondition");
        await lostCall.ClosedAsync();
        await call.DoneAsync();
        await events.DoneAsync();
        await InfoAsync();
        Assert.Single(Gateway.Log.All.Split('\n'), line => line.Contains("The watch on the spawner is lost", StringComparison.Ordinal));
    }

    [Fact]
    public async Task SpawnerAway_FromTheStart_IsWaitedFor()
    {
        await Spawner.StopAsync();
        await using var gateway = await Gateway.StartAsync(Spawner, watching: false);
        await gateway.Log.SeenAsync("The watch on the spawner is lost");
        await RefusedAsync(await gateway.TurnAsync(Owned), HttpStatusCode.ServiceUnavailable, "unavailable");

        await Spawner.ListenAsync();

        await gateway.Log.SeenAsync("Watching the spawner's agents");
    }

    [Fact]
    public async Task Resolve_WithoutAWatch_AsksEachTime()
    {
        // Its clock stands still, so the watch is not opened again before the test says so.
        var time = new ManualTime();
        await using var gateway = await Gateway.StartAsync(Spawner, time);
        await InfoAsync(gateway);
        await Spawner.StopAsync();
        await gateway.Log.SeenAsync("The watch on the spawner is lost");
        await Spawner.ListenAsync();
        var before = Spawner.Resolved;

        await InfoAsync(gateway);
        await InfoAsync(gateway);
        Assert.Equal(before + 2, Spawner.Resolved);

        time.Advance(TimeSpan.FromSeconds(1));
        await gateway.Log.SeenAsync("Watching the spawner's agents", count: 2);
        await InfoAsync(gateway);
        await InfoAsync(gateway);
        Assert.Equal(before + 3, Spawner.Resolved);
    }

    [Fact]
    public async Task AgentMoves_NextCallGoesToTheNewPlace()
    {
        await InfoAsync();
        await using var elsewhere = ScriptedAgent.Start();
        await Spawner.StopAsync();
        await Gateway.Log.SeenAsync("The watch on the spawner is lost");
        Spawner.Add(Owned.Id, Owned.Nonce, elsewhere);
        await Spawner.ListenAsync();
        await Gateway.Log.SeenAsync("Watching the spawner's agents", count: 2);

        var info = AskAsync(Owned.Nonce);
        await (await elsewhere.CallAsync()).AnswerAsync(200, "{}");

        Assert.Equal(HttpStatusCode.OK, (await info).StatusCode);
        await Agent.AtMostOpenAsync(0);
    }

    private Task<HttpResponseMessage> AskAsync(string nonce, Gateway? gateway = null) =>
        (gateway ?? Gateway).PostAsync("/v1/info", $$"""{"agent_id":"{{Owned.Id}}","nonce":"{{nonce}}"}""");

    private async Task InfoAsync(Gateway? gateway = null)
    {
        var info = AskAsync(Owned.Nonce, gateway);
        await (await Agent.CallAsync()).AnswerAsync(200, "{}");
        Assert.Equal(HttpStatusCode.OK, (await info).StatusCode);
    }
}
