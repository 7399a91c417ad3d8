using System.Net;
using AgentKernel.AgentGateway.Tests.Peers;

namespace AgentKernel.AgentGateway.Tests;

public sealed class TurnFailureTests : GatewayTest
{
    [Fact]
    public async Task Turn_AgentDiesBetweenEvents_EndsWithErrorAndDone()
    {
        var (events, call) = await BeginTurnAsync();
        await call.EventAsync("""{"body":"one","done":false}""");
        await events.EventAsync();

        Agent.Die();

        Assert.Contains("broke off", await events.FailedAsync("unavailable"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("data: {\"body\":\"to")] // inside an event
    [InlineData("data: {\"body\":\"two\",\"done\":true}\n")] // before its blank line
    [InlineData("da")] // inside a field name
    public async Task Turn_AgentDiesInsideAnEvent_ThePartIsNeverSeen(string part)
    {
        var (events, call) = await BeginTurnAsync();
        await call.EventAsync("""{"body":"one","done":false}""");
        await call.ChunkAsync(part);
        await events.EventAsync();

        call.Break();

        await events.FailedAsync("unavailable");
    }

    [Theory]
    [InlineData("ff\r\ndata: {\"done\":true}")] // less than the chunk promises
    [InlineData("no chunk\r\n")] // framing that is none
    public async Task Turn_AgentBreaksTheChunks_EndsWithErrorAndDone(string raw)
    {
        var (events, call) = await BeginTurnAsync();
        await call.EventAsync("""{"body":"one","done":false}""");
        await events.EventAsync();

        await call.RawAsync(raw);
        call.CloseSending();

        await events.FailedAsync("unavailable");
    }

    [Fact]
    public async Task Turn_AgentClosesWithoutDone_EndsWithErrorAndDone()
    {
        var (events, call) = await BeginTurnAsync();
        await call.EventAsync("""{"body":"\"done\":true","nested":{"done":true},"done":false}""");
        await events.EventAsync();

        await call.EndAsync();

        await events.FailedAsync("unavailable");
    }

    [Fact]
    public async Task Turn_AgentClosesWithoutAnyEvent_EndsWithErrorAndDone()
    {
        var (events, call) = await BeginTurnAsync();

        await call.EndAsync();

        await events.FailedAsync("unavailable");
    }

    [Fact]
    public async Task Turn_AgentFailsByItself_ItsErrorIsPassedOn()
    {
        var (events, call) = await BeginTurnAsync();
        await call.EventAsync("""{"body":"","error":"the model is away","done":false}""");
        await call.DoneAsync();

        Assert.Equal("the model is away", (await events.EventAsync()).GetProperty("error").GetString());
        await events.DoneAsync();
    }

    [Fact]
    public async Task Turn_EventWithoutEnd_IsGivenUp()
    {
        await using var gateway = await Gateway.StartAsync(Spawner, configure: options => options with { MaxRequestBytes = 64 * 1024 });
        var streaming = gateway.StreamAsync(Owned);
        var call = await Agent.CallAsync();
        await call.BeginAsync();
        using var events = await streaming;
        // The gateway hangs up somewhere in the middle of this.
        var sending = call.ChunkAsync("data: " + new string('x', 64 * 1024 * 1024));

        Assert.Contains("65536", await events.FailedAsync("unavailable"), StringComparison.Ordinal);
        await call.ClosedAsync();
        await Assert.ThrowsAnyAsync<System.Net.Sockets.SocketException>(() => sending);
    }

    [Theory]
    [InlineData(400, HttpStatusCode.BadRequest, "invalid_argument", "what it said")]
    [InlineData(409, HttpStatusCode.Conflict, "aborted", "what it said")]
    [InlineData(413, HttpStatusCode.RequestEntityTooLarge, "resource_exhausted", "what it said")]
    [InlineData(404, HttpStatusCode.NotImplemented, "unimplemented", "what it said")]
    [InlineData(503, HttpStatusCode.ServiceUnavailable, "unavailable", "what it said")]
    [InlineData(500, HttpStatusCode.InternalServerError, "internal", "what it said")]
    [InlineData(403, HttpStatusCode.InternalServerError, "internal", "channel token")]
    [InlineData(204, HttpStatusCode.ServiceUnavailable, "unavailable", "text/event-stream")]
    [InlineData(200, HttpStatusCode.ServiceUnavailable, "unavailable", "text/event-stream")]
    [InlineData(302, HttpStatusCode.ServiceUnavailable, "unavailable", "text/event-stream")]
    public async Task Turn_AgentRefuses_TheCallerIsToldWhy(int agentStatus, HttpStatusCode status, string code, string words)
    {
        var turn = Gateway.TurnAsync(Owned);
        var call = await Agent.CallAsync();
        if (agentStatus == 204)
        {
            await call.RawAsync("HTTP/1.1 204 No Content\r\n\r\n");
        }
        else
        {
            await call.AnswerAsync(agentStatus, """{"error":"what it said"}""");
        }

        Assert.Contains(words, await RefusedAsync(await turn, status, code), StringComparison.Ordinal);

        // And the place for a turn is free again.
        var next = Gateway.TurnAsync(Owned);
        await (await Agent.CallAsync()).AnswerAsync(409, "[]");
        await RefusedAsync(await next, HttpStatusCode.Conflict, "aborted");
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n", "not HTTP/1.1")]
    [InlineData("", "closed the connection")]
    public async Task Turn_AgentDoesNotSpeakHttp_IsUnavailable(string raw, string words)
    {
        var turn = Gateway.TurnAsync(Owned);
        var call = await Agent.CallAsync();
        await call.RawAsync(raw);
        call.CloseSending();

        Assert.Contains(words, await RefusedAsync(await turn, HttpStatusCode.ServiceUnavailable, "unavailable"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Turn_NothingListens_IsUnavailable()
    {
        Agent.Die();

        Assert.Contains("cannot be reached",
            await RefusedAsync(await Gateway.TurnAsync(Owned), HttpStatusCode.ServiceUnavailable, "unavailable"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Turn_AgentRefusesTheChannelToken_IsLookedUpAnew()
    {
        var turn = Gateway.TurnAsync(Owned);
        await (await Agent.CallAsync()).AnswerAsync(403, "{}");
        await RefusedAsync(await turn, HttpStatusCode.InternalServerError, "internal");
        Assert.Equal(1, Spawner.Resolved);

        var next = Gateway.StreamAsync(Owned);
        var call = await Agent.CallAsync();
        await call.BeginAsync();
        await call.DoneAsync();
        await (await next).DoneAsync();
        Assert.Equal(2, Spawner.Resolved);
    }
}
