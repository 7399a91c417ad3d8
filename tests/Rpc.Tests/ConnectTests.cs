using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Google.Protobuf;

namespace AgentKernel.Rpc.Tests;

/// <summary>The Connect protocol as curl and plain HTTP clients speak it; connect-node is in <see cref="ForeignClientTests"/>.</summary>
public sealed class ConnectTests(EchoServer server)
{
    [Theory, InlineData("--http1.1"), InlineData("--http2-prior-knowledge")]
    public async Task Curl_Json_IsAnsweredInJson(string version)
    {
        var output = await CurlAsync(version, "--data", """{"text":"grüße","number":"42","labels":{"a":"b"}}""", "-H", "Content-Type: application/json",
            "-w", "\n%{http_code} %{content_type}", $"{(version == "--http1.1" ? server.Http1 : server.Http2)}rpc.tests.Echo/Say");
        var lines = output.Split('\n');
        Assert.Contains("\"text\": \"grüße\", \"number\": \"42\", \"labels\": { \"a\": \"b\" }", lines[0], StringComparison.Ordinal);
        Assert.Equal("200 application/json", lines[1]);
    }

    [Fact]
    public async Task Curl_Error_IsConnectJsonWithHttpStatus()
    {
        var output = await CurlAsync("--data", """{"failure":{"code":5,"message":"no team \"Ä\""}}""", "-H", "Content-Type: application/json; charset=utf-8",
            "-w", "\n%{http_code} %{content_type}", $"{server.Http1}rpc.tests.Echo/Say");
        Assert.Equal("{\"code\":\"not_found\",\"message\":\"no team \\u0022\\u00C4\\u0022\"}\n404 application/json", output);
    }

    [Theory]
    [InlineData(1, "canceled", 499), InlineData(2, "unknown", 500), InlineData(3, "invalid_argument", 400), InlineData(4, "deadline_exceeded", 504)]
    [InlineData(5, "not_found", 404), InlineData(6, "already_exists", 409), InlineData(7, "permission_denied", 403), InlineData(8, "resource_exhausted", 429)]
    [InlineData(9, "failed_precondition", 400), InlineData(10, "aborted", 409), InlineData(11, "out_of_range", 400), InlineData(12, "unimplemented", 501)]
    [InlineData(13, "internal", 500), InlineData(14, "unavailable", 503), InlineData(15, "data_loss", 500), InlineData(16, "unauthenticated", 401)]
    public async Task Error_EveryCode_HasItsNameAndHttpStatus(int code, string name, int status)
    {
        using var response = await PostJsonAsync($$$"""{"failure":{"code":{{{code}}},"message":"m"}}""");
        await ExpectErrorAsync(response, status, name, "m");
        Assert.Equal("yes", response.Headers.GetValues("trailer-echo-text").Single());
    }

    [Theory]
    [InlineData("""{"txt":"a"}""", "Unknown field: txt")]
    [InlineData("""{"failure":{"cod":1}}""", "Unknown field: cod")]
    [InlineData("", "in JSON")]
    [InlineData("null", "in JSON")]
    [InlineData("[]", "in JSON")]
    [InlineData("""{"text":"a"} x""", "in JSON")]
    [InlineData("""{"text":""", "in JSON")]
    [InlineData("""{"number":"1e400"}""", "in JSON")]
    [InlineData("""{"number":"99999999999999999999"}""", "in JSON")]
    [InlineData("""{"data":"*"}""", "in JSON")]
    [InlineData("""{"time":"yesterday"}""", "in JSON")]
    [InlineData("""{"time":"9999-99-99T99:99:99Z"}""", "in JSON")]
    [InlineData("""{"text":"\ud800"}""", "in JSON")]
    [InlineData("""{"any":{"name":"no type"}}""", "in JSON")]
    [InlineData("""{"any":{"@type":"type.googleapis.com/who.Knows"}}""", "who.Knows")]
    [InlineData("""{"any":{"@type":7}}""", "in JSON")]
    public async Task Json_Malformed_IsInvalidArgument(string json, string message)
    {
        using var response = await PostJsonAsync(json);
        await ExpectErrorAsync(response, 400, "invalid_argument", message);
    }

    [Fact]
    public async Task Json_NestedTooDeep_IsInvalidArgument()
    {
        const int depth = 50_000; // overflows the stack of a parser that does not look
        using var response = await PostJsonAsync("{\"struct\":{\"a\":" + new string('[', depth) + new string(']', depth) + "}}");
        await ExpectErrorAsync(response, 400, "invalid_argument", "in JSON");
    }

    [Fact]
    public async Task Json_NotUtf8_IsInvalidArgument()
    {
        using var response = await PostAsync([.. "{\"text\":\""u8, 0xC3, 0x28, .. "\"}"u8]);
        await ExpectErrorAsync(response, 400, "invalid_argument", "not valid UTF-8");
    }

    [Fact]
    public async Task Json_AnyOfAKnownType_ComesBack()
    {
        const string Any = """{ "@type": "type.googleapis.com/google.protobuf.Struct", "value": { "a": [ 1, null, true ] } }""";
        using var response = await PostJsonAsync($$"""{"any":{{Any}}}""");
        Assert.Contains($"\"any\": {Any}", await response.Content.ReadAsStringAsync(Patience.Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_ResponseWithAnyOfAnUnknownType_SaysWhatToDo()
    {
        using var response = await PostJsonAsync("""{"replyAnyType":"type.googleapis.com/who.Knows"}""");
        await ExpectErrorAsync(response, 501, "unimplemented", "the call was done, but its response has no JSON form here");
        using var proto = await PostAsync(new SayRequest { ReplyAnyType = "type.googleapis.com/who.Knows" }.ToByteArray(), "application/proto");
        Assert.Equal("type.googleapis.com/who.Knows", SayResponse.Parser.ParseFrom(await proto.Content.ReadAsByteArrayAsync(Patience.Token)).Any.TypeUrl);
    }

    [Fact]
    public async Task Proto_Malformed_IsInvalidArgumentInJson()
    {
        using var response = await PostAsync([0x0A, 0x7F], "application/proto");
        await ExpectErrorAsync(response, 400, "invalid_argument", "not a rpc.tests.SayRequest in protobuf");
    }

    [Fact]
    public async Task Proto_EmptyBody_IsTheEmptyMessage()
    {
        using var response = await PostAsync([], "application/proto");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/proto", response.Content.Headers.ContentType?.MediaType);
    }

    [Theory]
    [InlineData("connect-protocol-version", "2", 400, "invalid_argument"), InlineData("connect-timeout-ms", "soon", 400, "invalid_argument")]
    [InlineData("connect-timeout-ms", "12345678901", 400, "invalid_argument"), InlineData("connect-timeout-ms", "-1", 400, "invalid_argument")]
    [InlineData("connect-timeout-ms", "0", 504, "deadline_exceeded")]
    public async Task Header_OfTheProtocol_IsHeeded(string name, string value, int status, string code)
    {
        using var response = await PostAsync("{}"u8.ToArray(), headers: h => h.TryAddWithoutValidation(name, value));
        await ExpectErrorAsync(response, status, code, "");
    }

    [Theory, InlineData("application/json"), InlineData("application/proto")]
    public async Task Deadline_HandlerDoesNotLook_IsAnsweredAllTheSame(string contentType)
    {
        var key = Guid.NewGuid().ToString();
        var request = new HangRequest { Key = key, Stubborn = true };
        var call = PostAsync(contentType == "application/json" ? Encoding.UTF8.GetBytes(JsonFormatter.Default.Format(request)) : request.ToByteArray(),
            contentType, "Hang", headers: h => h.TryAddWithoutValidation("connect-timeout-ms", "50"));
        using var response = await server.WithinAsync(call, "an answer at the deadline");
        await ExpectErrorAsync(response, 504, "deadline_exceeded", "the deadline passed");
        server.Signals.Set($"{key}/let-go");
    }

    [Fact]
    public async Task Gzip_IsRead()
    {
        using var response = await PostAsync(Zip("""{"text":"zipped"}"""u8), contentEncoding: "gzip");
        Assert.Contains("zipped", await response.Content.ReadAsStringAsync(Patience.Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gzip_BrokenOrCut_IsInvalidArgument()
    {
        using var broken = await PostAsync("{}"u8.ToArray(), contentEncoding: "gzip");
        await ExpectErrorAsync(broken, 400, "invalid_argument", "not valid gzip");
        using var cut = await PostAsync(Zip("""{"text":"zipped"}"""u8)[..^10], contentEncoding: "gzip");
        await ExpectErrorAsync(cut, 400, "invalid_argument", "");
    }

    [Fact]
    public async Task Encoding_Unknown_IsUnimplementedAndNamesTheKnown()
    {
        using var response = await PostAsync("{}"u8.ToArray(), contentEncoding: "br");
        await ExpectErrorAsync(response, 501, "unimplemented", "gzip");
        Assert.Contains("gzip", response.Headers.GetValues("accept-encoding").Single(), StringComparison.Ordinal);
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Body_TooLarge_IsRefusedWithTheLimit(bool chunked)
    {
        using var response = await PostAsync(new byte[300 * 1024], headers: h => h.TransferEncodingChunked = chunked);
        await ExpectErrorAsync(response, 429, "resource_exhausted", "limit of 262144 bytes");
    }

    [Fact]
    public async Task Body_UnderTheMethodsOwnLimit_IsTaken()
    {
        var request = new SayRequest { Text = "big", Data = ByteString.CopyFrom(new byte[35 * 1024 * 1024]), ReplyBytes = 1 };
        using var response = await PostAsync(request.ToByteArray(), "application/proto", "SayBig");
        Assert.Equal("big", SayResponse.Parser.ParseFrom(await response.Content.ReadAsByteArrayAsync(Patience.Token)).Text);
    }

    [Fact]
    public async Task Method_Get_Is405()
    {
        using var http = new HttpClient();
        using var response = await http.GetAsync(new Uri(server.Http1, "/rpc.tests.Echo/Say"), Patience.Token);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
    }

    internal static Task<string> CurlAsync(params string[] arguments)
    {
        if (ChildProcess.WhyMissing("curl") is { } reason)
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", reason);
            Assert.Skip(reason);
        }
        return ChildProcess.RunAsync("curl", ["-sS", "--noproxy", "*", .. arguments]);
    }

    private static byte[] Zip(ReadOnlySpan<byte> bytes)
    {
        var zipped = new MemoryStream();
        using (var gzip = new GZipStream(zipped, CompressionLevel.Fastest))
            gzip.Write(bytes);
        return zipped.ToArray();
    }

    private static async Task ExpectErrorAsync(HttpResponseMessage response, int status, string code, string message)
    {
        using var error = System.Text.Json.JsonDocument.Parse(await response.Content.ReadAsStringAsync(Patience.Token));
        Assert.Equal(code, error.RootElement.GetProperty("code").GetString());
        Assert.Contains(message, error.RootElement.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
    }

    private Task<HttpResponseMessage> PostJsonAsync(string json) => PostAsync(Encoding.UTF8.GetBytes(json));

    private async Task<HttpResponseMessage> PostAsync(
        byte[] body, string contentType = "application/json", string method = "Say", string? contentEncoding = null, Action<HttpRequestHeaders>? headers = null)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Http1, $"/rpc.tests.Echo/{method}"))
        {
            Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue(contentType) } },
        };
        if (contentEncoding is not null)
            request.Content.Headers.ContentEncoding.Add(contentEncoding);
        headers?.Invoke(request.Headers);
        return await http.SendAsync(request, Patience.Token);
    }
}
