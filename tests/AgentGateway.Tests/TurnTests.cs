using System.Net;
using AgentKernel.AgentGateway.Tests.Peers;

namespace AgentKernel.AgentGateway.Tests;

public sealed class TurnTests : GatewayTest
{
    [Fact]
    public async Task Turn_FirstEvent_IsReadBeforeTheSecondIsProduced()
    {
        var (events, call) = await BeginTurnAsync();

        await call.EventAsync("""{"body":"one","done":false}""");
        Assert.Equal("one", (await events.EventAsync()).GetProperty("body").GetString());
        await call.EventAsync("""{"body":"two","done":false}""");
        Assert.Equal("two", (await events.EventAsync()).GetProperty("body").GetString());
        await call.DoneAsync();
        await events.DoneAsync();
    }

    [Fact]
    public async Task Turn_Headers_KeepProxiesFromHoldingItBack()
    {
        var (events, call) = await BeginTurnAsync();

        Assert.Equal("no-cache", events.Response.Headers.CacheControl?.ToString());
        Assert.Equal("no", Assert.Single(events.Response.Headers.GetValues("X-Accel-Buffering")));
        await call.DoneAsync();
        await events.DoneAsync();
    }

    [Theory]
    [InlineData("\"plain\"")]
    [InlineData("\"\"")]
    [InlineData("\"ümläut → 😀 \\ud83d\\ude00 \\u00e9 \\n\\t\\/ \\\\\\\" \"")]
    [InlineData("\"{\\\"messages\\\":[{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\"say \\\\\\\"hi\\\\\\\"\\\"}]}\"")]
    public async Task Turn_Body_ReachesTheAgentByteForByteAndTheNonceNever(string rawBody)
    {
        var answering = Gateway.PostAsync("/v1/turn", $$""" { "body" : {{rawBody}}, "nonce":"{{Owned.Nonce}}" ,"agent_id":"{{Owned.Id}}" } """);
        var call = await Agent.CallAsync();

        Assert.Equal("POST /v1/turn HTTP/1.1", call.RequestLine);
        Assert.Equal("application/json", call.Headers["content-type"]);
        Assert.Equal($$"""{"agent_id":"{{Owned.Id}}","nonce":"{{Agent.ChannelToken}}","body":{{rawBody}}}""", call.Text);
        Assert.DoesNotContain(Owned.Nonce, call.Everything, StringComparison.Ordinal);
        await call.BeginAsync();
        await call.DoneAsync();
        await (await EventReader.OpenAsync(await answering)).DoneAsync();
    }

    [Fact]
    public async Task Turn_NonceAsBearer_IsTaken()
    {
        var answering = Gateway.PostAsync("/v1/turn", $$"""{"agent_id":"{{Owned.Id}}","body":"x"}""", bearer: Owned.Nonce);
        var call = await Agent.CallAsync();

        Assert.DoesNotContain(Owned.Nonce, call.Everything, StringComparison.Ordinal);
        await call.BeginAsync();
        await call.DoneAsync();
        await (await EventReader.OpenAsync(await answering)).DoneAsync();
    }

    [Theory]
    [InlineData("data: {\"body\":\"a\",\"done\":false}\r\n\r\ndata: {\"done\":true}\r\n\r\n")]
    [InlineData("data: {\"body\":\"a\",\"done\":false}\r\rdata: {\"done\": true}\r\r")]
    [InlineData(": comment\n\nevent: x\nid: 7\ndata:{\"body\":\"a\"}\n\ndata: {\"nested\":{\"done\":false},\ndata: \"done\": true}\n\n")]
    public async Task Turn_EventsInAnyForm_AreCopiedAsTheyCame(string stream)
    {
        var streaming = Gateway.TurnAsync(Owned);
        var call = await Agent.CallAsync();
        await call.BeginAsync();
        foreach (var character in stream)
        {
            await call.ChunkAsync(character.ToString());
        }

        await call.EndAsync();
        using var response = await streaming;
        Assert.Equal(stream, await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Turn_LargeEvent_IsCopiedWhole()
    {
        var (events, call) = await BeginTurnAsync();
        var text = new string('x', 3 * 1024 * 1024);

        var sending = call.EventAsync($$"""{"body":"{{text}}","done":false}""");
        Assert.Equal(text, (await events.EventAsync()).GetProperty("body").GetString());
        await sending;
        await call.DoneAsync();
        await events.DoneAsync();
    }

    [Fact]
    public async Task Turn_WhileOneRuns_IsRefusedAndTheFirstGoesOn()
    {
        var (events, call) = await BeginTurnAsync();

        await RefusedAsync(await Gateway.TurnAsync(Owned), HttpStatusCode.Conflict, "aborted");

        await call.EventAsync("""{"body":"still here","done":false}""");
        Assert.Equal("still here", (await events.EventAsync()).GetProperty("body").GetString());
        await call.DoneAsync();
        await events.DoneAsync();
        Assert.Equal(1, Agent.Accepted);
    }

    [Fact]
    public async Task Turn_RightAfterTheDoneEvent_WaitsForTheAgentToClose()
    {
        var (events, call) = await BeginTurnAsync();
        await call.EventAsync("""{"body":"","done":true}""");
        Assert.True((await events.EventAsync()).GetProperty("done").GetBoolean());

        var second = Gateway.StreamAsync(Owned);
        await call.EndAsync();
        var next = await Agent.CallAsync();
        await next.BeginAsync();
        await next.DoneAsync();

        await (await second).DoneAsync();
        Assert.Null(await events.BlockAsync());
        Assert.Equal(1, Agent.Accepted); // on the same connection
    }

    [Fact]
    public async Task Turn_ManyAtOnceForOneAgent_OnlyOneReachesIt()
    {
        var answers = Enumerable.Range(0, 20).Select(_ => Gateway.TurnAsync(Owned)).ToList();
        var call = await Agent.CallAsync();

        var refused = 0;
        await foreach (var answer in Task.WhenEach(answers))
        {
            await RefusedAsync(await answer, HttpStatusCode.Conflict, "aborted");
            if (++refused == 19)
            {
                break;
            }
        }

        await call.BeginAsync();
        await call.DoneAsync();
        var won = (await Task.WhenAll(answers)).Single(answer => answer.IsSuccessStatusCode);
        await (await EventReader.OpenAsync(won)).DoneAsync();
        Assert.Equal(1, Agent.Accepted);
    }

    [Fact]
    public async Task Turn_OverHttpEndpoint_IsServed()
    {
        await using var agent = ScriptedAgent.Start(unixSocket: false);
        var streaming = Gateway.StreamAsync(Spawner.Add(agent));
        var call = await agent.CallAsync();

        await call.BeginAsync();
        await call.DoneAsync();
        await (await streaming).DoneAsync();
    }

    [Fact]
    public async Task Turn_CallerGoesAway_IsAbortedAtTheAgent()
    {
        using var caller = new CancellationTokenSource();
        var (events, call) = await BeginTurnAsync(caller.Token);
        await call.EventAsync("""{"body":"one","done":false}""");
        await events.EventAsync();

        await caller.CancelAsync();
        events.Dispose();

        await call.ClosedAsync();
        await NextTurnWorksAsync();
    }

    [Fact]
    public async Task Turn_CallerGoesAwayBeforeTheAgentAnswers_IsAbortedAtTheAgent()
    {
        using var caller = new CancellationTokenSource();
        var turn = Gateway.TurnAsync(Owned, cancellationToken: caller.Token);
        var call = await Agent.CallAsync();

        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => turn);
        await call.ClosedAsync();
    }

    [Fact]
    public async Task Turn_200InARow_LeaveOneConnection()
    {
        await using var agent = ScriptedAgent.Start(AnswerAsync);
        var owned = Spawner.Add(agent);
        for (var i = 0; i < 200; i++)
        {
            using var events = await Gateway.StreamAsync(owned);
            Assert.Equal("hi", (await events.EventAsync()).GetProperty("body").GetString());
            await events.DoneAsync();
        }

        await agent.AtMostOpenAsync(1);
        Assert.Equal(1, agent.Accepted);
        Spawner.End(owned.Id);
        await agent.AtMostOpenAsync(0);
    }

    [Fact]
    public async Task Turn_64Agents_LeaveNoConnectionWhenTheyEnd()
    {
        var agents = Enumerable.Range(0, 64).Select(_ => ScriptedAgent.Start(AnswerAsync)).ToList();
        var owned = agents.ConvertAll(Spawner.Add);

        await Task.WhenAll(owned.Select(async one =>
        {
            using var events = await Gateway.StreamAsync(one);
            Assert.Equal("hi", (await events.EventAsync()).GetProperty("body").GetString());
            await events.DoneAsync();
        }));

        owned.ForEach(one => Spawner.End(one.Id));
        await Task.WhenAll(agents.Select(agent => agent.AtMostOpenAsync(0)));
        Assert.All(agents, agent => Assert.Equal(1, agent.Accepted));
        await Task.WhenAll(agents.Select(agent => agent.DisposeAsync().AsTask()));
    }

    private static async Task AnswerAsync(AgentCall call)
    {
        await call.BeginAsync();
        await call.EventAsync("""{"body":"hi","done":false}""");
        await call.DoneAsync();
    }

    private async Task NextTurnWorksAsync()
    {
        // The gateway may be a moment behind the agent in seeing the end.
        var answering = Gateway.StreamAsync(Owned);
        var call = await Agent.CallAsync();
        await call.BeginAsync();
        await call.DoneAsync();
        await (await answering).DoneAsync();
    }
}
