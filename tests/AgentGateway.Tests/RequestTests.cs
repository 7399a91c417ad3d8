using System.Net;
using System.Text;
using AgentKernel.AgentGateway.Tests.Peers;

namespace AgentKernel.AgentGateway.Tests;

public sealed class RequestTests : GatewayTest
{
    [Theory]
    [InlineData("/v1/turn", "", "JSON")]
    [InlineData("/v1/turn", "nonsense", "JSON")]
    [InlineData("/v1/turn", """{"agent_id":"ID","nonce":"NONCE","body":"x"} {}""", "JSON")]
    [InlineData("/v1/turn", """{"agent_id":"ID","nonce":"NONCE","body":"x" """, "JSON")]
    [InlineData("/v1/turn", """[]""", "object")]
    [InlineData("/v1/turn", """{"nonce":"NONCE","body":"x"}""", "agent_id must be set")]
    [InlineData("/v1/turn", """{"agent_id":"","nonce":"NONCE","body":"x"}""", "agent_id must be set")]
    [InlineData("/v1/turn", """{"agent_id":7,"nonce":"NONCE","body":"x"}""", "agent_id must be a string")]
    [InlineData("/v1/turn", """{"agent_id":"ID","nonce":null,"body":"x"}""", "nonce must be a string")]
    [InlineData("/v1/turn", """{"agent_id":"ID","nonce":"NONCE"}""", "body must be set")]
    [InlineData("/v1/turn", """{"agent_id":"ID","nonce":"NONCE","body":{"messages":[]}}""", "body must be a string")]
    [InlineData("/v1/turn", """{"agent_id":"ID","nonce":"NONCE","body":"x","body":"y"}""", "body is there twice")]
    [InlineData("/v1/turn", """{"agent_id":"ID","nonce":"NONCE","body":"x","nonce":"NONCE"}""", "nonce is there twice")]
    [InlineData("/v1/turn", """{"agent_id":"ID","agent_\u0069d":"ID","nonce":"NONCE","body":"x"}""", "agent_id is there twice")]
    [InlineData("/v1/turn", """{"agent_id":"ID","nonce":"NONCE","body":"x","bodies":1}""", "no field bodies")]
    [InlineData("/v1/turn", """{"agent_id":"\ud800","nonce":"NONCE","body":"x"}""", "agent_id is not valid UTF-8")]
    [InlineData("/v1/turn/cancel", """{"nonce":"NONCE"}""", "agent_id must be set")]
    [InlineData("/v1/turn/cancel", """{"agent_id":"ID","nonce":"NONCE","body":"x"}""", "no field body")]
    [InlineData("/v1/history", """{"agent_id":"ID","nonce":"NONCE","last_n":"3"}""", "last_n")]
    [InlineData("/v1/history", """{"agent_id":"ID","nonce":"NONCE","last_n":-1}""", "last_n")]
    [InlineData("/v1/history", """{"agent_id":"ID","nonce":"NONCE","last_n":1.5}""", "last_n")]
    [InlineData("/v1/history", """{"agent_id":"ID","nonce":"NONCE","last_n":1,"last_n":1}""", "last_n is there twice")]
    [InlineData("/v1/control", """{"agent_id":"ID","nonce":"NONCE"}""", "payload must be set")]
    [InlineData("/v1/control", """{"agent_id":"ID","nonce":"NONCE","payload":"x"}""", "payload must be an object")]
    [InlineData("/v1/control", """{"agent_id":"ID","nonce":"NONCE","payload":{"a":[}}""", "JSON")]
    [InlineData("/v1/info", """{}""", "agent_id must be set")]
    public async Task Request_Malformed_IsRefusedByName(string path, string json, string words)
    {
        var request = json.Replace("ID", Owned.Id, StringComparison.Ordinal).Replace("NONCE", Owned.Nonce, StringComparison.Ordinal);

        Assert.Contains(words, await RefusedAsync(await Gateway.PostAsync(path, request), HttpStatusCode.BadRequest, "invalid_argument"), StringComparison.Ordinal);
        Assert.Equal(0, Spawner.Resolved);
    }

    [Theory]
    [InlineData("body")]
    [InlineData("agent_id")]
    [InlineData("nonce")]
    public async Task Request_InvalidUtf8_IsRefusedByName(string field)
    {
        var json = $$"""{"agent_id":"{{Owned.Id}}","nonce":"{{Owned.Nonce}}","body":"x"}""";
        var bytes = Encoding.UTF8.GetBytes(json);
        bytes[json.IndexOf($"\"{field}\":\"", StringComparison.Ordinal) + field.Length + 4] = 0xC3;

        var refusal = await RefusedAsync(await Gateway.PostAsync("/v1/turn", new ByteArrayContent(bytes)), HttpStatusCode.BadRequest, "invalid_argument");
        Assert.Contains($"{field} is not valid UTF-8", refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Request_Of20Megabytes_IsRefusedWithTheLimit(bool lengthIsKnown)
    {
        var json = Encoding.UTF8.GetBytes($$"""{"agent_id":"{{Owned.Id}}","nonce":"{{Owned.Nonce}}","body":"{{new string('x', 20 * 1024 * 1024)}}"}""");
        using HttpContent content = lengthIsKnown ? new ByteArrayContent(json) : new StreamContent(new UnknownLength(json));

        var refusal = await RefusedAsync(await Gateway.PostAsync("/v1/turn", content), HttpStatusCode.RequestEntityTooLarge, "resource_exhausted");
        Assert.Contains("16777216", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Request_Of15Megabytes_ReachesTheAgentByteForByte()
    {
        var text = string.Concat(Enumerable.Repeat("0123456789 ä \\n ", 900_000));
        var turn = Gateway.PostAsync("/v1/turn", $$"""{"agent_id":"{{Owned.Id}}","nonce":"{{Owned.Nonce}}","body":"{{text}}"}""");
        var call = await Agent.CallAsync();

        Assert.EndsWith($"\"body\":\"{text}\"}}", call.Text, StringComparison.Ordinal);
        await call.AnswerAsync(409, "{}");
        await RefusedAsync(await turn, HttpStatusCode.Conflict, "aborted");
    }

    private sealed class UnknownLength(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }
}
