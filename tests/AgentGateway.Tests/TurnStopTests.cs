using System.Net;
using AgentKernel.AgentGateway.Tests.Peers;

namespace AgentKernel.AgentGateway.Tests;

public sealed class TurnStopTests : GatewayTest
{
    [Fact]
    public async Task Cancel_WhileATurnRuns_EndsItForAgentAndCaller()
    {
        var (events, call) = await BeginTurnAsync();
        await call.EventAsync("""{"body":"one","done":false}""");
        await events.EventAsync();

        Assert.Equal("""{"cancelled":true}""", await CancelAsync());

        Assert.Equal("the turn was cancelled", await events.FailedAsync("canceled"));
        await call.ClosedAsync();
        Assert.Equal("""{"cancelled":false}""", await CancelAsync());
    }

    [Fact]
    public async Task Cancel_BeforeTheAgentAnswers_EndsTheTurnWithAStatus()
    {
        var turn = Gateway.TurnAsync(Owned);
        var call = await Agent.CallAsync();

        Assert.Equal("""{"cancelled":true}""", await CancelAsync());

        await RefusedAsync(await turn, (HttpStatusCode)499, "canceled");
        await call.ClosedAsync();
    }

    [Fact]
    public async Task Cancel_ThenTurn_TheNextOneRuns()
    {
        var (events, _) = await BeginTurnAsync();
        await CancelAsync();

        var next = Gateway.StreamAsync(Owned);
        var call = await Agent.CallAsync();
        await call.BeginAsync();
        await call.DoneAsync();

        await (await next).DoneAsync();
        await events.FailedAsync("canceled");
    }

    [Fact]
    public async Task Cancel_CallerDoesNotRead_EndsTheTurnAtTheAgent()
    {
        var (events, call) = await BeginTurnAsync();
        using var unread = events; // held, or its connection would go with the next garbage collection
        // More than all buffers on the way hold, so that the gateway waits for the caller.
        var text = $$"""{"body":"{{new string('x', 1024 * 1024)}}","done":false}""";
        await Wait.ForAsync(call.EventAsync(text), "the first event to be sent");
        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < 64; i++)
            {
                await call.EventAsync(text);
            }
        });

        Assert.Equal("""{"cancelled":true}""", await CancelAsync());

        await call.ClosedAsync();
        await Assert.ThrowsAnyAsync<System.Net.Sockets.SocketException>(() => sending);
    }

    [Fact]
    public async Task Shutdown_WhileATurnRuns_EndsItWithErrorAndDone()
    {
        var (events, call) = await BeginTurnAsync();
        await call.EventAsync("""{"body":"one","done":false}""");
        await events.EventAsync();

        var stopping = Gateway.StopAsync();

        Assert.Contains("stopping", await events.FailedAsync("unavailable"), StringComparison.Ordinal);
        await call.ClosedAsync();
        await Wait.ForAsync(stopping, "the gateway to stop");
    }

    private async Task<string> CancelAsync() =>
        await (await Gateway.PostAsync("/v1/turn/cancel", $$"""{"agent_id":"{{Owned.Id}}","nonce":"{{Owned.Nonce}}"}""")).Content.ReadAsStringAsync();
}
