using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Rpc.Tests;

/// <summary>What no well-behaved gRPC client sends, byte by byte, and what exactly comes back.</summary>
public sealed class GrpcWireTests(EchoServer server)
{
    private static readonly byte[] Hello = Frame(new SayRequest { Text = "hello" }.ToByteArray());

    public static TheoryData<string, byte[], RpcStatusCode, string> MalformedBodies { get; } = new()
    {
        { "nothing", [], RpcStatusCode.Unimplemented, "has no request message" },
        { "half a header", Hello[..3], RpcStatusCode.InvalidArgument, "ends in the middle" },
        { "half a message", Hello[..^1], RpcStatusCode.InvalidArgument, "ends in the middle" },
        { "two messages", [.. Hello, .. Hello], RpcStatusCode.Unimplemented, "more than one request message" },
        { "a message and a half", [.. Hello, .. Hello[..^1]], RpcStatusCode.InvalidArgument, "ends in the middle" },
        { "an unknown flag", [2, .. Hello[1..]], RpcStatusCode.InvalidArgument, "starts with 2" },
        { "compressed without an encoding", [1, .. Hello[1..]], RpcStatusCode.Internal, "grpc-encoding names no compression" },
        { "no protobuf", Frame([0x0A, 0x7F, 0x41]), RpcStatusCode.InvalidArgument, "not a rpc.tests.SayRequest in protobuf" },
        { "a length over the limit, and no more", [0, 0x7F, 0xFF, 0xFF, 0xFF], RpcStatusCode.ResourceExhausted, "of 2147483647 bytes is larger than the limit of 262144 bytes" },
        { "a length over two GiB", [0, 0xFF, 0xFF, 0xFF, 0xFF], RpcStatusCode.ResourceExhausted, "of 4294967295 bytes" },
        { "text that is not UTF-8", Frame([0x0A, 0x02, 0xC3, 0x28]), RpcStatusCode.InvalidArgument, "rpc.tests.SayRequest.text is not valid UTF-8" },
        { "such text in a nested message", Frame([0x42, 0x03, 0x12, 0x01, 0xFF]), RpcStatusCode.InvalidArgument, "rpc.tests.Failure.message is not valid UTF-8" },
        { "such text as a key of a map", Frame([0x3A, 0x06, 0x0A, 0x01, 0xFF, 0x12, 0x01, 0x41]), RpcStatusCode.InvalidArgument, "LabelsEntry.key is not valid UTF-8" },
    };

    [Theory, MemberData(nameof(MalformedBodies))]
    public async Task Body_Malformed_IsRefusedInTrailersOnly(string what, byte[] body, RpcStatusCode code, string message)
    {
        using var response = await PostAsync(body);
        Assert.True(HttpStatusCode.OK == response.StatusCode, what);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync(Patience.Token));
        Assert.Empty(response.TrailingHeaders); // the headers were all there is
        Assert.Equal(((int)code).ToString(), response.Headers.GetValues("grpc-status").Single());
        Assert.Contains(message, Uri.UnescapeDataString(response.Headers.GetValues("grpc-message").Single()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Body_UnknownFieldsOfEveryWireType_AreSteppedOver()
    {
        // Fields 100 to 105, among them a group with a field 1 that is not UTF-8, then the text.
        byte[] unknown = [0xA0, 0x06, 0x96, 0x01, 0xA9, 0x06, 1, 2, 3, 4, 5, 6, 7, 8, 0xB5, 0x06, 1, 2, 3, 4, 0xBA, 0x06, 1, 0xFF, 0xC3, 0x06, 0x0A, 1, 0xFF, 0xC4, 0x06];
        using var response = await PostAsync(Frame([.. unknown, .. new SayRequest { Text = "hello" }.ToByteArray()]));
        Assert.Equal("hello", await ReadSayAsync(response));
    }

    [Fact]
    public async Task Body_BytesThatAreNotUtf8InBytesFieldsAndAny_AreTaken()
    {
        var bytes = ByteString.CopyFrom(0xFF, 0xFE);
        using var response = await PostAsync(Frame(new SayRequest { Text = "hello", Data = bytes, Any = new Any { TypeUrl = "x/y", Value = bytes } }.ToByteArray()));
        Assert.Equal("hello", await ReadSayAsync(response));
    }

    [Fact]
    public async Task Success_StatusStandsInTrailers()
    {
        using var response = await PostAsync(Hello);
        Assert.Equal("application/grpc", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("hello", await ReadSayAsync(response));
        Assert.False(response.Headers.Contains("grpc-status"));
        Assert.Equal("0", response.TrailingHeaders.GetValues("grpc-status").Single());
        Assert.Equal("AP+A", response.TrailingHeaders.GetValues("echo-bin").Single());
    }

    [Fact]
    public async Task Message_BeyondAscii_IsPercentEncoded()
    {
        using var response = await PostAsync(Frame(new SayRequest { Failure = new Failure { Code = 5, Message = "Ä 100%\n" } }.ToByteArray()));
        Assert.Equal("%C3%84 100%25%0A", response.Headers.GetValues("grpc-message").Single());
    }

    [Fact]
    public async Task Message_LongerThanMetadataMayBe_IsCut()
    {
        using var response = await PostAsync(Frame(new SayRequest { Failure = new Failure { Code = 5, Message = new string('é', 10_000) } }.ToByteArray()));
        var message = response.Headers.GetValues("grpc-message").Single();
        Assert.InRange(message.Length, 6 * 1024, 6 * 1024 + 20);
        Assert.EndsWith("%C3%A9...", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("grpc-encoding", "snappy", RpcStatusCode.Unimplemented), InlineData("grpc-timeout", "5", RpcStatusCode.InvalidArgument)]
    [InlineData("grpc-timeout", "123456789S", RpcStatusCode.InvalidArgument), InlineData("grpc-timeout", "-1S", RpcStatusCode.InvalidArgument)]
    [InlineData("grpc-timeout", "1D", RpcStatusCode.InvalidArgument), InlineData("grpc-timeout", "0S", RpcStatusCode.DeadlineExceeded)]
    [InlineData("grpc-timeout", "99999999H", RpcStatusCode.Ok), InlineData("grpc-timeout", "99999999n", RpcStatusCode.Ok), InlineData("grpc-encoding", "identity", RpcStatusCode.Ok)]
    public async Task Header_OfTheProtocol_IsHeeded(string name, string value, RpcStatusCode expected)
    {
        using var response = await PostAsync(Hello, headers: h => h.TryAddWithoutValidation(name, value));
        await response.Content.LoadIntoBufferAsync(Patience.Token);
        var status = response.Headers.Contains("grpc-status") ? response.Headers : response.TrailingHeaders;
        Assert.Equal(((int)expected).ToString(), status.GetValues("grpc-status").Single());
        Assert.Equal("gzip,identity", response.Headers.GetValues("grpc-accept-encoding").Single());
    }

    [Fact]
    public async Task Gzip_Broken_IsInvalidArgument()
    {
        byte[] body = [1, .. Hello[1..]];
        using var response = await PostAsync(body, headers: h => h.TryAddWithoutValidation("grpc-encoding", "gzip"));
        Assert.Equal("3", response.Headers.GetValues("grpc-status").Single());
    }

    [Fact]
    public async Task Deadline_HandlerDoesNotLook_IsAnsweredAllTheSame()
    {
        var key = Guid.NewGuid().ToString();
        var call = PostAsync(Frame(new HangRequest { Key = key, Stubborn = true }.ToByteArray()), "Hang", headers: h => h.TryAddWithoutValidation("grpc-timeout", "50m"));
        using var response = await server.WithinAsync(call, "an answer at the deadline");
        Assert.Equal("4", response.Headers.GetValues("grpc-status").Single());
        Assert.False(server.Signals.Of($"{key}/let-go").IsCompleted); // so the handler is still at it
        server.Signals.Set($"{key}/let-go");
    }

    [Fact]
    public async Task Crash_IsLoggedOnceAndSaidToNobody()
    {
        var mark = Guid.NewGuid().ToString();
        using var response = await PostAsync(Frame(new SayRequest { Failure = new Failure { Crash = true, Message = mark } }.ToByteArray()));
        Assert.Equal("internal error", response.Headers.GetValues("grpc-message").Single());
        var line = Assert.Single(server.Logs, l => l.Contains(mark, StringComparison.Ordinal));
        Assert.StartsWith("Error: The call to /rpc.tests.Echo/Say failed", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Protocol_Http11_Is505()
    {
        using var response = await PostAsync(Hello, address: server.Http1, version: HttpVersion.Version11);
        Assert.Equal(HttpStatusCode.HttpVersionNotSupported, response.StatusCode);
        Assert.Contains("gRPC needs HTTP/2", await response.Content.ReadAsStringAsync(Patience.Token), StringComparison.Ordinal);
    }

    [Theory, InlineData("application/grpc+json"), InlineData("application/grpc-web"), InlineData("text/plain"), InlineData("application/json; charset=utf-16")]
    public async Task ContentType_Unknown_Is415(string contentType)
    {
        using var response = await PostAsync(Hello, contentType: contentType);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.Contains("application/proto", response.Headers.GetValues("accept-post").Single(), StringComparison.Ordinal);
    }

    private static byte[] Frame(byte[] message) => [0, 0, 0, (byte)(message.Length >> 8), (byte)message.Length, .. message];

    private static async Task<string> ReadSayAsync(HttpResponseMessage response)
    {
        var body = await response.Content.ReadAsByteArrayAsync(Patience.Token);
        return SayResponse.Parser.ParseFrom(body.AsSpan(5)).Text;
    }

    private async Task<HttpResponseMessage> PostAsync(
        byte[] body, string method = "Say", string contentType = "application/grpc", Uri? address = null, Version? version = null, Action<HttpRequestHeaders>? headers = null)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(address ?? server.Http2, $"/rpc.tests.Echo/{method}"))
        {
            Version = version ?? HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body) { Headers = { ContentType = MediaTypeHeaderValue.Parse(contentType) } },
        };
        request.Headers.TryAddWithoutValidation("te", "trailers");
        headers?.Invoke(request.Headers);
        return await http.SendAsync(request, Patience.Token);
    }
}
