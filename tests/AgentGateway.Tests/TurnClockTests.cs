using System.Net;
using AgentKernel.AgentGateway.Tests.Peers;

namespace AgentKernel.AgentGateway.Tests;

public sealed class TurnClockTests : GatewayTest
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly ManualTime _time = new();

    private protected override TimeProvider Time => _time;

    [Fact]
    public async Task Silence_CommentsAreSentAndEventsStayWhole()
    {
        // Its clock may run far ahead of its threads, which must not make the turn idle.
        await using var gateway = await Gateway.StartAsync(Spawner, _time, options => options with { TurnIdleTimeout = TimeSpan.FromDays(1000) });
        var streaming = gateway.StreamAsync(Owned);
        var call = await Agent.CallAsync();
        await call.BeginAsync();
        using var events = await streaming;
        await call.EventAsync("""{"body":"one","done":false}""");
        await events.EventAsync();
        await call.ChunkAsync("data: {\"body\":\"tw");

        Assert.Equal(": keep-alive", await _time.AdvanceUntilAsync(events.BlockAsync(), Second));

        await call.ChunkAsync("o\",\"done\":false}\n\n");
        Assert.Equal("two", (await events.EventAsync()).GetProperty("body").GetString());
        await call.DoneAsync();
        await events.DoneAsync();
        Assert.Contains("data: {\"body\":\"two\",\"done\":false}\n\n", events.All, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Silence_ShorterThanTheHeartbeat_NothingIsSent()
    {
        var (events, call) = await BeginTurnAsync();
        for (var i = 0; i < 10; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(14));
            await call.EventAsync("""{"body":"x","done":false}""");
            Assert.StartsWith("data:", await events.BlockAsync(), StringComparison.Ordinal);
        }

        await call.DoneAsync();
        await events.DoneAsync();
    }

    [Fact]
    public async Task Idle_EachEventStartsItAnewAndCommentsDoNot()
    {
        var (events, call) = await BeginTurnAsync();
        for (var i = 0; i < 3; i++)
        {
            _time.Advance(TimeSpan.FromMinutes(9));
            await call.EventAsync("""{"body":"x","done":false}""");
            Assert.Equal("x", (await events.EventAsync()).GetProperty("body").GetString());
        }

        _time.Advance(TimeSpan.FromMinutes(9));
        await call.ChunkAsync(": the agent's own comment\n\n");
        while (await events.BlockAsync() != ": the agent's own comment")
        {
            // The gateway's comments come first.
        }

        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Contains("600 s", await events.FailedAsync("deadline_exceeded"), StringComparison.Ordinal);
        await call.ClosedAsync();
    }

    [Fact]
    public async Task Idle_AgentNeverAnswers_IsAStatus()
    {
        var turn = Gateway.TurnAsync(Owned);
        var call = await Agent.CallAsync();

        _time.Advance(TimeSpan.FromMinutes(10));

        await RefusedAsync(await turn, HttpStatusCode.GatewayTimeout, "deadline_exceeded");
        await call.ClosedAsync();
    }

    [Fact]
    public async Task TurnTimeout_BusyTurn_IsEndedAllTheSame()
    {
        await using var gateway = await Gateway.StartAsync(Spawner, _time, options => options with { TurnTimeout = TimeSpan.FromMinutes(2) });
        var streaming = gateway.StreamAsync(Owned);
        var call = await Agent.CallAsync();
        await call.BeginAsync();
        using var events = await streaming;
        for (var i = 0; i < 11; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(10));
            await call.EventAsync("""{"body":"x","done":false}""");
            await events.EventAsync();
        }

        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Contains("120 s", await events.FailedAsync("deadline_exceeded"), StringComparison.Ordinal);
        await call.ClosedAsync();
    }

    [Fact]
    public async Task Done_AgentKeepsTheStreamOpen_IsCutOff()
    {
        var (events, call) = await BeginTurnAsync();
        await call.EventAsync("""{"body":"","done":true}""");
        Assert.True((await events.EventAsync()).GetProperty("done").GetBoolean());

        Assert.Null(await _time.AdvanceUntilAsync(events.BlockAsync(), Second));

        await call.ClosedAsync();
    }

    [Fact]
    public async Task Info_AgentNeverAnswers_IsDeadlineExceeded()
    {
        var info = Gateway.PostAsync("/v1/info", $$"""{"agent_id":"{{Owned.Id}}","nonce":"{{Owned.Nonce}}"}""");
        var call = await Agent.CallAsync();

        _time.Advance(TimeSpan.FromSeconds(30));

        await RefusedAsync(await info, HttpStatusCode.GatewayTimeout, "deadline_exceeded");
        await call.ClosedAsync();
    }
}
