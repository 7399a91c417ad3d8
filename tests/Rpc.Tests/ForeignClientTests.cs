using System.Text.Json.Nodes;

namespace AgentKernel.Rpc.Tests;

/// <summary>grpc-js, and connect-node in each of its transports, against our server.</summary>
public sealed class ForeignClientTests(ForeignClients clients) : IClassFixture<ForeignClients>
{
    private const string Trailers = """{"text":"yes","bin":"AP+A"}""";

    [Theory, MemberData(nameof(ForeignClients.All), MemberType = typeof(ForeignClients))]
    public async Task Unary_EveryKindOfField_ComesBack(string client) => await ExpectAsync(client, "roundTrip", $$"""
        {
          "trailers": {{Trailers}},
          "response": {
            "text": "grüße, 世界 🚀", "data": "AAH+/w==", "number": "9007199254740993", "labels": {"a":"b"}, "seconds": "1700000000",
            "struct": {"model":"m"}, "any": {"type":"type.googleapis.com/rpc.tests.SignalRequest","name":"packed"},
            "metadata": {"x-text":"hello","x-bytes-bin":"AP8Q"}
          }
        }
        """);

    [Theory, MemberData(nameof(ForeignClients.All), MemberType = typeof(ForeignClients))]
    public async Task Unary_EmptyRequest_IsAnswered(string client) =>
        Assert.Equal("", (string?)(await clients.ResultAsync(client, "empty"))["response"]!["text"]);

    [Theory, MemberData(nameof(ForeignClients.All), MemberType = typeof(ForeignClients))]
    public async Task Unary_HandlerFails_StatusMessageAndTrailersArrive(string client) =>
        await ExpectAsync(client, "failure", $$"""{"code":5,"message":"no team \"Ä\" – 100% 🚀","trailers":{{Trailers}}}""");

    [Theory, MemberData(nameof(ForeignClients.All), MemberType = typeof(ForeignClients))]
    public async Task Unary_HandlerCrashes_SaysNoDetail(string client) =>
        await ExpectAsync(client, "crash", $$"""{"code":13,"message":"internal error","trailers":{{Trailers}}}""");

    [Theory, MemberData(nameof(ForeignClients.All), MemberType = typeof(ForeignClients))]
    public async Task Unary_UnknownMethod_IsUnimplemented(string client) =>
        await ExpectErrorAsync(client, "unknownMethod", RpcStatusCode.Unimplemented, "there is no method /rpc.tests.Echo/Nope here");

    [Theory, MemberData(nameof(ForeignClients.All), MemberType = typeof(ForeignClients))]
    public async Task Unary_RequestTooLarge_IsRefusedWithTheLimit(string client) =>
        await ExpectErrorAsync(client, "tooLarge", RpcStatusCode.ResourceExhausted, $"larger than the limit of {EchoServer.MaxReceiveMessageBytes} bytes");

    [Theory, MemberData(nameof(ForeignClients.All), MemberType = typeof(ForeignClients))]
    public async Task Unary_GzippedRequest_IsRead(string client) =>
        Assert.Equal(5000, (int)await clients.ResultAsync(client, "gzip"));

    [Theory, MemberData(nameof(ForeignClients.All), MemberType = typeof(ForeignClients))]
    public async Task Unary_GzippedRequestTooLargeInside_IsRefusedWithTheLimit(string client) =>
        await ExpectErrorAsync(client, "gzipBomb", RpcStatusCode.ResourceExhausted, $"larger than the limit of {EchoServer.MaxReceiveMessageBytes} bytes when decompressed");

    [Theory, MemberData(nameof(ForeignClients.All), MemberType = typeof(ForeignClients))]
    public async Task Unary_LargeResponse_ArrivesWhole(string client) =>
        Assert.Equal(3 * 1024 * 1024 * 4 / 3, (int)await clients.ResultAsync(client, "largeResponse")); // base64

    // The scenario itself waits until the handler's token has fired.
    [Theory, MemberData(nameof(ForeignClients.All), MemberType = typeof(ForeignClients))]
    public async Task Unary_DeadlinePasses_EndsClientAndHandler(string client) =>
        Assert.Equal((int)RpcStatusCode.DeadlineExceeded, (int?)(await clients.ResultAsync(client, "deadline"))["code"]);

    [Theory, MemberData(nameof(ForeignClients.All), MemberType = typeof(ForeignClients))]
    public async Task Unary_ClientCancels_EndsClientAndHandler(string client) =>
        Assert.Equal((int)RpcStatusCode.Cancelled, (int?)(await clients.ResultAsync(client, "cancel"))["code"]);

    [Theory, MemberData(nameof(ForeignClients.Streaming), MemberType = typeof(ForeignClients))]
    public async Task Stream_MessageIsRead_BeforeTheNextIsMade(string client) => await ExpectAsync(client, "stream", """{"numbers":[1,2,3]}""");

    [Theory, MemberData(nameof(ForeignClients.Streaming), MemberType = typeof(ForeignClients))]
    public async Task Stream_NoMessages_EndsWell(string client) => await ExpectAsync(client, "streamEmpty", """{"numbers":[]}""");

    [Theory, MemberData(nameof(ForeignClients.Streaming), MemberType = typeof(ForeignClients))]
    public async Task Stream_ManyMessages_AllArrive(string client) => Assert.Equal(5000, (int)await clients.ResultAsync(client, "streamMany"));

    [Theory, MemberData(nameof(ForeignClients.Streaming), MemberType = typeof(ForeignClients))]
    public async Task Stream_HandlerFailsLater_MessagesThenStatus(string client) =>
        await ExpectAsync(client, "streamFailure", """{"numbers":[1,2],"code":9,"message":"stopped – here"}""");

    [Theory, MemberData(nameof(ForeignClients.Streaming), MemberType = typeof(ForeignClients))]
    public async Task Stream_HandlerFailsAtOnce_StatusAlone(string client) =>
        await ExpectAsync(client, "streamFailureFirst", """{"numbers":[],"code":5,"message":"none"}""");

    [Theory, MemberData(nameof(ForeignClients.Streaming), MemberType = typeof(ForeignClients))]
    public async Task Stream_DeadlinePasses_EndsClientAndHandler(string client)
    {
        var result = await clients.ResultAsync(client, "streamDeadline");
        Assert.Equal("[1]", result["numbers"]!.ToJsonString());
        Assert.Equal((int)RpcStatusCode.DeadlineExceeded, (int?)result["code"]);
    }

    [Theory, MemberData(nameof(ForeignClients.Streaming), MemberType = typeof(ForeignClients))]
    public async Task Stream_ClientCancels_EndsClientAndHandler(string client) =>
        await ExpectAsync(client, "streamCancel", """{"numbers":[1],"code":1}""");

    private async Task ExpectAsync(string client, string scenario, string expected)
    {
        var actual = await clients.ResultAsync(client, scenario);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), actual), $"expected {expected}, got {actual}");
    }

    private async Task ExpectErrorAsync(string client, string scenario, RpcStatusCode code, string message)
    {
        var actual = await clients.ResultAsync(client, scenario);
        Assert.Equal((int)code, (int?)actual["code"]);
        Assert.Contains(message, (string?)actual["message"], StringComparison.Ordinal);
    }
}
