using System.Net;
using AgentKernel.AgentGateway.Tests.Peers;
using AgentKernel.Contracts;
using AgentKernel.Rpc;

namespace AgentKernel.AgentGateway.Tests;

public sealed class OwnershipTests : GatewayTest
{
    public static TheoryData<string, bool> Strangers()
    {
        var data = new TheoryData<string, bool>();
        foreach (var known in new[] { true, false })
        {
            foreach (var stranger in new[] { "wrong nonce", "no nonce", "empty nonce", "another's nonce", "nonce of other case", "longer nonce", "unknown id", "bearer wrong", "huge id" })
            {
                data.Add(stranger, known);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Strangers))]
    public async Task Stranger_WhoeverItIs_GetsTheSameAnswerEverywhere(string stranger, bool known)
    {
        await using var other = ScriptedAgent.Start();
        var othersNonce = Spawner.Add(other).Nonce;
        if (known)
        {
            await InfoAsync(); // the gateway has the agent in its memory now
        }

        var (id, field, bearer) = stranger switch
        {
            "wrong nonce" => (Owned.Id, "\"nonce-x\"", null),
            "no nonce" => (Owned.Id, null, null),
            "empty nonce" => (Owned.Id, "\"\"", null),
            "another's nonce" => (Owned.Id, $"\"{othersNonce}\"", null),
            "nonce of other case" => (Owned.Id, $"\"{Owned.Nonce.ToUpperInvariant()}\"", null),
            "longer nonce" => (Owned.Id, $"\"{Owned.Nonce}x\"", null),
            "unknown id" => (Guid.NewGuid().ToString(), $"\"{Owned.Nonce}\"", null),
            "bearer wrong" => (Owned.Id, (string?)null, "nonce-x"),
            _ => (new string('a', 100_000), $"\"{Owned.Nonce}\"", null),
        };
        var nonce = field is null ? "" : $",\"nonce\":{field}";
        foreach (var (path, more) in new[]
        {
            ("/v1/turn", ",\"body\":\"x\""), ("/v1/turn/cancel", ""), ("/v1/history", ""), ("/v1/control", ",\"payload\":{}"), ("/v1/info", ""),
        })
        {
            var response = await Gateway.PostAsync(path, $$"""{"agent_id":"{{id}}"{{nonce}}{{more}}}""", bearer);
            var text = await response.Content.ReadAsStringAsync();
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
            Assert.Equal(Denial, text);
        }
    }

    [Theory]
    [InlineData("nonce-x")]
    [InlineData("")]
    public async Task Stranger_OverGrpc_GetsTheSameAnswer(string nonce)
    {
        var id = Owned.Id;
        Func<Task>[] calls =
        [
            () => Gateway.Channel.StreamAsync(AgentMethods.Turn, new() { AgentId = id, Nonce = nonce }).ToListAsync().AsTask(),
            () => Gateway.Channel.CallAsync(AgentMethods.CancelTurn, new() { AgentId = id, Nonce = nonce }),
            () => Gateway.Channel.CallAsync(AgentMethods.GetHistory, new() { AgentId = id, Nonce = nonce }),
            () => Gateway.Channel.CallAsync(AgentMethods.GetInfo, new() { AgentId = id, Nonce = nonce }),
            () => Gateway.Channel.CallAsync(AgentMethods.Control, new()
            {
                AgentId = id, Nonce = nonce, Payload = Google.Protobuf.WellKnownTypes.Any.Pack(new Google.Protobuf.WellKnownTypes.Struct()),
            }),
        ];
        foreach (var call in calls)
        {
            var refusal = await Assert.ThrowsAsync<RpcException>(call);
            Assert.Equal(RpcStatusCode.PermissionDenied, refusal.Code);
            Assert.Contains(refusal.Message, Denial, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Log_AfterTurnsAndRefusals_HoldsNoSecretAndNoBody()
    {
        var (events, call) = await BeginTurnAsync();
        await call.EventAsync("""{"body":"the answer","done":false}""");
        Agent.Die();
        await events.EventAsync();
        await events.FailedAsync("unavailable");
        await Gateway.PostAsync("/v1/info", $$"""{"agent_id":"{{Owned.Id}}","nonce":"guessed-nonce"}""");

        await Gateway.Log.SeenAsync("A turn ended with BrokenOff");
        await Gateway.Log.SeenAsync($"scope agent {Owned.Id}");
        foreach (var secret in new[] { Owned.Nonce, Agent.ChannelToken, FakeSpawner.ServiceToken, "guessed-nonce", "hello", "the answer" })
        {
            Assert.DoesNotContain(secret, Gateway.Log.All, StringComparison.Ordinal);
        }
    }

    private const string Denial =
        """{"error":"agent_id and nonce do not name an agent of yours: there is no such agent, or the nonce is missing or not its own","code":"permission_denied"}""";

    private async Task InfoAsync()
    {
        var info = Gateway.PostAsync("/v1/info", $$"""{"agent_id":"{{Owned.Id}}","nonce":"{{Owned.Nonce}}"}""");
        await (await Agent.CallAsync()).AnswerAsync(200, "{}");
        Assert.Equal(HttpStatusCode.OK, (await info).StatusCode);
    }
}
