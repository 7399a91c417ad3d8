using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using AgentKernel.AgentGateway.Tests.Peers;
using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.AgentGateway.Tests;

public sealed class GrpcTests : GatewayTest
{
    [Fact]
    public async Task Turn_FirstEvent_IsReadBeforeTheSecondIsProduced()
    {
        await using var turn = Turn("say \"hi\" → 😀\n");
        var first = turn.MoveNextAsync().AsTask();
        var call = await Agent.CallAsync();
        var sent = JsonElement.Parse(call.Text);
        Assert.Equal("say \"hi\" → 😀\n", sent.GetProperty("body").GetString());
        Assert.Equal(Agent.ChannelToken, sent.GetProperty("nonce").GetString());
        Assert.DoesNotContain(Owned.Nonce, call.Everything, StringComparison.Ordinal);

        await call.BeginAsync();
        await call.EventAsync("""{"body":"one","done":false}""");
        Assert.True(await Wait.ForAsync(first, "the first event"));
        Assert.Equal(new TurnResponse { Body = "one" }, turn.Current);

        await call.EventAsync("""{"body":"","event":{"type":"tool","input":{"n":1,"list":[true,null,"x"]}},"done":false}""");
        await call.DoneAsync();
        Assert.True(await turn.MoveNextAsync());
        Assert.Equal("""{ "type": "tool", "input": { "n": 1, "list": [ true, null, "x" ] } }""", turn.Current.Event.ToString());
        Assert.True(await turn.MoveNextAsync());
        Assert.Equal(new TurnResponse { Done = true }, turn.Current);
        Assert.False(await turn.MoveNextAsync());
    }

    [Fact]
    public async Task Turn_AgentDies_EndsWithErrorAndDone()
    {
        var turn = Turn().ToListAsync();
        var call = await Agent.CallAsync();
        await call.BeginAsync();
        await call.EventAsync("""{"body":"one","done":false}""");
        await call.ChunkAsync("data: {\"body\":\"tw");
        call.Break();

        var responses = await Wait.ForAsync(turn, "the end of the turn");

        Assert.Equal(3, responses.Count);
        Assert.Equal("one", responses[0].Body);
        Assert.Contains("broke off", responses[1].Error, StringComparison.Ordinal);
        Assert.Equal("unavailable", responses[1].Event.Fields["code"].StringValue);
        Assert.False(responses[1].Done);
        Assert.Equal(new TurnResponse { Done = true }, responses[2]);
    }

    [Fact]
    public async Task Turn_EventThatIsNotJson_EndsWithErrorAndDone()
    {
        var turn = Turn().ToListAsync();
        var call = await Agent.CallAsync();
        await call.BeginAsync();
        await call.ChunkAsync("data: {\"body\":\"one\"}\n\ndata: two\n\n");

        var responses = await Wait.ForAsync(turn, "the end of the turn");

        Assert.Equal(["one", "", ""], responses.Select(response => response.Body));
        Assert.Contains("not a JSON object", responses[1].Error, StringComparison.Ordinal);
        Assert.True(responses[2].Done);
        await call.ClosedAsync();
    }

    [Fact]
    public async Task Turn_CallerLeaves_IsAbortedAtTheAgent()
    {
        var turn = Turn();
        var first = turn.MoveNextAsync().AsTask();
        var call = await Agent.CallAsync();
        await call.BeginAsync();
        await call.EventAsync("""{"body":"one","done":false}""");
        await first;

        await turn.DisposeAsync();

        await call.ClosedAsync();
    }

    [Fact]
    public async Task Cancel_WhileATurnRuns_EndsIt()
    {
        var turn = Turn().ToListAsync();
        var call = await Agent.CallAsync();
        await call.BeginAsync();

        var answer = await Gateway.Channel.CallAsync(AgentMethods.CancelTurn, new() { AgentId = Owned.Id, Nonce = Owned.Nonce });

        Assert.True(answer.Cancelled);
        await call.ClosedAsync();
        try
        {
            Assert.Equal("the turn was cancelled", (await turn)[0].Error);
        }
        catch (RpcException e)
        {
            // Where the cancellation came before the gateway had seen the agent's headers.
            Assert.Equal(RpcStatusCode.Cancelled, e.Code);
        }
    }

    [Fact]
    public async Task Cancel_CallerDoesNotRead_EndsTheTurnAtTheAgent()
    {
        await using var unread = Turn();
        var (call, sending) = await StallAsync(unread);

        Assert.True((await Gateway.Channel.CallAsync(AgentMethods.CancelTurn, new() { AgentId = Owned.Id, Nonce = Owned.Nonce })).Cancelled);

        await call.ClosedAsync();
        await Assert.ThrowsAnyAsync<SocketException>(() => sending);
    }

    [Fact]
    public async Task Shutdown_CallerDoesNotRead_DoesNotWaitForIt()
    {
        await using var unread = Turn();
        var (call, sending) = await StallAsync(unread);

        var took = Stopwatch.StartNew();
        await Wait.ForAsync(Gateway.StopAsync(), "the gateway to stop");

        Assert.True(took.Elapsed < TimeSpan.FromSeconds(20), $"it took {took.Elapsed}");
        await call.ClosedAsync();
        await Assert.ThrowsAnyAsync<SocketException>(() => sending);
    }

    [Fact]
    public async Task Turn_Refusals_AreStatuses()
    {
        var notText = await RefusedAsync(Gateway.Channel.StreamAsync(
            AgentMethods.Turn, new() { AgentId = Owned.Id, Nonce = Owned.Nonce, Body = ByteString.CopyFrom(0xC3, 0x28) }).ToListAsync().AsTask());
        Assert.Equal(RpcStatusCode.InvalidArgument, notText.Code);
        Assert.Contains("body", notText.Message, StringComparison.Ordinal);

        var tooLarge = await RefusedAsync(Turn(new string('x', 20 * 1024 * 1024)).ToListAsync());
        Assert.Equal(RpcStatusCode.ResourceExhausted, tooLarge.Code);

        var noId = await RefusedAsync(Gateway.Channel.CallAsync(AgentMethods.GetInfo, new() { Nonce = Owned.Nonce }));
        Assert.Equal((RpcStatusCode.InvalidArgument, "agent_id must be set"), (noId.Code, noId.Message));

        var running = Turn().ToListAsync();
        var call = await Agent.CallAsync();
        Assert.Equal(RpcStatusCode.Aborted, (await RefusedAsync(Turn().ToListAsync())).Code);
        await call.AnswerAsync(503, """{"error":"no model is configured"}""");
        var refusal = await RefusedAsync(running);
        Assert.Equal((RpcStatusCode.Unavailable, "no model is configured"), (refusal.Code, refusal.Message));
    }

    [Fact]
    public async Task Control_Struct_IsPlainJsonBothWays()
    {
        var payload = Any.Pack(Struct.Parser.ParseJson("""{"operation":"list_tools","n":2}"""));
        var answering = Gateway.Channel.CallAsync(AgentMethods.Control, new() { AgentId = Owned.Id, Nonce = Owned.Nonce, Payload = payload });
        var call = await Agent.CallAsync();

        Assert.Equal("""{"operation":"list_tools","n":2}""", call.Text.Replace(" ", "", StringComparison.Ordinal));
        await call.AnswerAsync(200, """{"tools":["bash"]}""");
        Assert.Equal("bash", (await answering).Payload.Unpack<Struct>().Fields["tools"].ListValue.Values[0].StringValue);
    }

    [Fact]
    public async Task Control_OtherType_IsTypeUrlAndBase64BothWays()
    {
        var payload = Any.Pack(new StringValue { Value = "x" });
        var answering = Gateway.Channel.CallAsync(AgentMethods.Control, new() { AgentId = Owned.Id, Nonce = Owned.Nonce, Payload = payload });
        var call = await Agent.CallAsync();

        Assert.Equal($$"""{"type_url":"type.googleapis.com/google.protobuf.StringValue","value":"{{payload.Value.ToBase64()}}"}""", call.Text);
        await call.AnswerAsync(200, call.Text);
        Assert.Equal(payload, (await answering).Payload);
    }

    [Fact]
    public async Task Control_WithoutPayload_IsRefusedByName()
    {
        var refusal = await RefusedAsync(Gateway.Channel.CallAsync(AgentMethods.Control, new() { AgentId = Owned.Id, Nonce = Owned.Nonce }));

        Assert.Equal((RpcStatusCode.InvalidArgument, "payload must be set"), (refusal.Code, refusal.Message));
    }

    [Fact]
    public async Task History_Entries_AreMessages()
    {
        var answering = Gateway.Channel.CallAsync(AgentMethods.GetHistory, new() { AgentId = Owned.Id, Nonce = Owned.Nonce, LastN = 2 });
        var call = await Agent.CallAsync();

        Assert.Equal("""{"last_n":2}""", call.Text);
        await call.AnswerAsync(200,
            """{"entries":[{"role":"user","content":"hi","time":"2026-01-02T03:04:05Z"},{"role":"assistant","content":[{"type":"text"}]}]}""");
        var entries = (await answering).Entries;
        Assert.Equal("hi", entries[0].Content);
        Assert.Equal(new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc), entries[0].Time.ToDateTime());
        Assert.Equal(("assistant", """[{"type":"text"}]"""), (entries[1].Role, entries[1].Content));
    }

    [Fact]
    public async Task Info_Answer_IsAStruct()
    {
        var answering = Gateway.Channel.CallAsync(AgentMethods.GetInfo, new() { AgentId = Owned.Id, Nonce = Owned.Nonce });
        await (await Agent.CallAsync()).AnswerAsync(200, """{"pid":7}""");
        Assert.Equal(7, (await answering).Info.Fields["pid"].NumberValue);

        var garbage = Gateway.Channel.CallAsync(AgentMethods.GetInfo, new() { AgentId = Owned.Id, Nonce = Owned.Nonce });
        await (await Agent.CallAsync()).AnswerAsync(200, "[1");
        Assert.Equal(RpcStatusCode.Unavailable, (await RefusedAsync(garbage)).Code);
    }

    // Begins the turn, takes its first event and no more, and has the agent send more than all buffers on the way hold.
    private async Task<(AgentCall Call, Task Sending)> StallAsync(IAsyncEnumerator<TurnResponse> turn)
    {
        var first = turn.MoveNextAsync().AsTask();
        var call = await Agent.CallAsync();
        await call.BeginAsync();
        var text = $$"""{"body":"{{new string('x', 1024 * 1024)}}","done":false}""";
        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < 64; i++)
            {
                await call.EventAsync(text);
            }
        });
        Assert.True(await Wait.ForAsync(first, "the first event"));
        return (call, sending);
    }

    private IAsyncEnumerator<TurnResponse> Turn(string body = "hello") => Gateway.Channel
        .StreamAsync(AgentMethods.Turn, new() { AgentId = Owned.Id, Nonce = Owned.Nonce, Body = ByteString.CopyFrom(body, Encoding.UTF8) })
        .GetAsyncEnumerator(TestContext.Current.CancellationToken);

    private static async Task<RpcException> RefusedAsync(Task call) => await Assert.ThrowsAsync<RpcException>(() => call);
}

internal static class TurnResponses
{
    /// <summary>All that is left of a stream.</summary>
    public static async Task<List<TurnResponse>> ToListAsync(this IAsyncEnumerator<TurnResponse> turn)
    {
        await using (turn)
        {
            var all = new List<TurnResponse>();
            while (await turn.MoveNextAsync())
            {
                all.Add(turn.Current);
            }

            return all;
        }
    }
}
