using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text;

namespace AgentKernel.Rpc.Tests;

/// <summary>Streams as server-sent events.</summary>
public sealed class EventStreamTests(EchoServer server)
{
    [Fact]
    public async Task Curl_WholeStream_IsEventsAndAnEnd()
    {
        var output = await ConnectTests.CurlAsync("-N", "-i", "--data", """{"count":2}""", "-H", "Content-Type: application/json", $"{server.Http1}rpc.tests.Echo/Count");
        var (headers, body) = output.ReplaceLineEndings("\n").Split("\n\n", 2) is [var h, var b] ? (h, b) : ("", "");
        Assert.StartsWith("HTTP/1.1 200", headers, StringComparison.Ordinal);
        Assert.Contains("Content-Type: text/event-stream", headers, StringComparison.Ordinal);
        Assert.Equal("id: 1\ndata: { \"number\": 1 }\n\nid: 2\ndata: { \"number\": 2 }\n\nevent: end\ndata: {}\n\n", body);
    }

    [Fact]
    public async Task Curl_EventIsRead_BeforeTheNextIsMade()
    {
        var key = Guid.NewGuid().ToString();
        await using var curl = new ChildProcess("curl", ["-sSN", "--noproxy", "*", "--data", $$"""{"key":"{{key}}","count":2,"gated":true}""",
            "-H", "Content-Type: application/json", $"{server.Http1}rpc.tests.Echo/Count"]);
        string[] first = ["id: 1", "data: { \"number\": 1 }", ""];
        foreach (var expected in first)
            Assert.Equal(expected, await server.WithinAsync(curl.Output.ReadLineAsync(Patience.Token).AsTask(), "a line of the first event"));
        server.Signals.Set($"{key}/2");
        Assert.Equal("id: 2\ndata: { \"number\": 2 }\n\nevent: end\ndata: {}\n\n", await server.WithinAsync(curl.Output.ReadToEndAsync(Patience.Token), "the rest"));
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Parser_FailureAfterEvents_IsAnErrorEvent(bool http2)
    {
        using var response = await PostAsync("""{"count":1,"failure":{"code":9,"message":"stopped"}}""", http2);
        var events = await ReadAsync(response).ToListAsync(Patience.Token);
        Assert.Equal(["message", "error"], events.Select(e => e.EventType));
        Assert.Equal("""{"code":"failed_precondition","message":"stopped"}""", events[1].Data);
        Assert.Equal("1", events[0].EventId);
    }

    [Fact]
    public async Task Crash_AfterEvents_SaysNoDetail()
    {
        using var response = await PostAsync("""{"count":1,"failure":{"crash":true}}""");
        Assert.Equal("""{"code":"internal","message":"internal error"}""", (await ReadAsync(response).LastAsync(Patience.Token)).Data);
    }

    [Fact]
    public async Task NoMessages_IsAnEndAlone()
    {
        using var response = await PostAsync("""{"count":0}""");
        Assert.Equal(["end"], (await ReadAsync(response).ToListAsync(Patience.Token)).Select(e => e.EventType));
    }

    [Theory]
    [InlineData("""{"failure":{"code":5,"message":"none"}}""", HttpStatusCode.NotFound, """{"code":"not_found","message":"none"}""")]
    [InlineData("""{"count":"many"}""", HttpStatusCode.BadRequest, "invalid_argument")]
    public async Task FailureBeforeEvents_IsAConnectError(string request, HttpStatusCode status, string body)
    {
        using var response = await PostAsync(request);
        Assert.Equal(status, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        Assert.Contains(body, await response.Content.ReadAsStringAsync(Patience.Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deadline_AfterEvents_IsAnErrorEvent()
    {
        var key = Guid.NewGuid().ToString();
        using var response = await PostAsync($$"""{"key":"{{key}}","count":2,"gated":true}""", timeoutMs: 1000);
        var last = await ReadAsync(response).LastAsync(Patience.Token);
        Assert.Equal("error", last.EventType);
        Assert.Contains("deadline_exceeded", last.Data, StringComparison.Ordinal);
        await server.WithinAsync(server.Signals.Of($"{key}/cancelled"), "the handler's token");
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task ReaderGoesAway_HandlersTokenFires(bool http2)
    {
        var key = Guid.NewGuid().ToString();
        using (var response = await PostAsync($$"""{"key":"{{key}}","count":2,"gated":true}""", http2))
            Assert.Equal("1", (await ReadAsync(response).FirstAsync(Patience.Token)).EventId);
        await server.WithinAsync(server.Signals.Of($"{key}/cancelled"), "the handler's token");
    }

    [Fact]
    public async Task ContentType_Proto_Is415()
    {
        using var response = await PostAsync("", contentType: "application/proto");
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.DoesNotContain("application/proto", response.Headers.GetValues("accept-post").Single(), StringComparison.Ordinal);
    }

    private static async IAsyncEnumerable<SseItem<string>> ReadAsync(HttpResponseMessage response)
    {
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        await foreach (var item in SseParser.Create(await response.Content.ReadAsStreamAsync(Patience.Token)).EnumerateAsync(Patience.Token))
            yield return item;
    }

    private async Task<HttpResponseMessage> PostAsync(string json, bool http2 = false, int? timeoutMs = null, string contentType = "application/json")
    {
        // Each response has a connection of its own, so that disposing it is going away.
        var http = new HttpMessageInvoker(new SocketsHttpHandler { UseProxy = false });
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(http2 ? server.Http2 : server.Http1, "/rpc.tests.Echo/Count"))
        {
            Version = http2 ? HttpVersion.Version20 : HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new StringContent(json, Encoding.UTF8, new MediaTypeHeaderValue(contentType)),
        };
        if (timeoutMs is { } ms)
            request.Headers.TryAddWithoutValidation("connect-timeout-ms", $"{ms}");
        return await http.SendAsync(request, Patience.Token);
    }
}
