using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Rpc.Tests;

/// <summary>What our client does, whoever wrote the server. The server is the echo service of <c>echo.proto</c>.</summary>
public abstract class RpcChannelContract(EchoServer echo)
{
    protected EchoServer Echo { get; } = echo;

    /// <summary>A new channel to the server.</summary>
    internal abstract Task<RpcChannel> ConnectAsync(RpcChannelOptions? options = null);

    /// <summary>What the server says when a handler crashes: the libraries differ.</summary>
    internal abstract RpcStatusCode CrashStatus { get; }

    [Fact]
    public async Task Call_EveryKindOfField_ComesBack()
    {
        using var channel = await ConnectAsync();
        var request = new SayRequest
        {
            Text = "grüße, 世界 🚀",
            Data = ByteString.CopyFrom(0, 1, 254, 255),
            Number = long.MinValue,
            Any = Any.Pack(new SignalRequest { Name = "packed" }),
            Struct = new Struct { Fields = { ["model"] = Value.ForString("m"), ["n"] = Value.ForNumber(1.5) } },
            Time = Timestamp.FromDateTimeOffset(DateTimeOffset.UnixEpoch.AddYears(50)),
            Labels = { ["a"] = "b" },
        };
        var response = await CallAsync(channel, request);
        Assert.Equal((request.Text, request.Data, request.Number), (response.Text, response.Data, response.Number));
        Assert.Equal((request.Any, request.Struct, request.Time), (response.Any, response.Struct, response.Time));
        Assert.Equal(request.Labels, response.Labels);
    }

    [Fact]
    public async Task Call_Metadata_ArrivesAsTextAndBytes()
    {
        using var channel = await ConnectAsync();
        var metadata = new RpcMetadata { { "x-text", "hello" }, { "x-bytes-bin", [0, 255, 16] } };
        var response = await CallAsync(channel, new SayRequest(), new RpcCallOptions { Metadata = metadata });
        Assert.Equal("hello", response.Metadata["x-text"]);
        Assert.Equal("AP8Q", response.Metadata["x-bytes-bin"]);
    }

    [Fact]
    public async Task Call_BearerToken_TheCallsOwnWins()
    {
        using var channel = await ConnectAsync(new RpcChannelOptions { BearerToken = "channel" });
        Assert.Equal("Bearer channel", (await CallAsync(channel, new SayRequest())).Metadata["authorization"]);
        Assert.Equal("Bearer call", (await CallAsync(channel, new SayRequest(), new RpcCallOptions { BearerToken = "call" })).Metadata["authorization"]);
    }

    [Fact]
    public async Task Call_Gzip_IsReadByTheServer()
    {
        using var channel = await ConnectAsync();
        var text = new string('z', 50_000);
        Assert.Equal(text, (await CallAsync(channel, new SayRequest { Text = text }, new RpcCallOptions { Gzip = true })).Text);
    }

    [Fact]
    public async Task Call_LargeResponse_ArrivesWhole()
    {
        using var channel = await ConnectAsync();
        Assert.Equal(3 * 1024 * 1024, (await CallAsync(channel, new SayRequest { ReplyBytes = 3 * 1024 * 1024 })).Data.Length);
    }

    [Fact]
    public async Task Call_ResponseOverTheLimit_IsResourceExhausted()
    {
        using var channel = await ConnectAsync(new RpcChannelOptions { MaxReceiveMessageBytes = 1000 });
        var error = await FailsAsync(channel, new SayRequest { ReplyBytes = 2000 });
        Assert.Equal(RpcStatusCode.ResourceExhausted, error.Code);
        Assert.Contains("limit of 1000 bytes", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(RpcStatusCode.Cancelled), InlineData(RpcStatusCode.NotFound), InlineData(RpcStatusCode.Unauthenticated)]
    public async Task Call_HandlerFails_StatusAndMessageArrive(RpcStatusCode code)
    {
        using var channel = await ConnectAsync();
        var error = await FailsAsync(channel, new SayRequest { Failure = new Failure { Code = (int)code, Message = "no team \"Ä\" – 100% +1 🚀\n" } });
        Assert.Equal((code, "no team \"Ä\" – 100% +1 🚀\n"), (error.Code, error.Message));
    }

    [Fact]
    public async Task Call_HandlerCrashes_FailsWithTheServersStatus()
    {
        using var channel = await ConnectAsync();
        Assert.Equal(CrashStatus, (await FailsAsync(channel, new SayRequest { Failure = new Failure { Crash = true } })).Code);
    }

    [Fact]
    public async Task Call_UnknownMethod_IsUnimplemented()
    {
        using var channel = await ConnectAsync();
        var nope = new UnaryMethod<SayRequest, SayResponse>(EchoMethods.Service, "Nope", SayRequest.Parser, SayResponse.Parser);
        var error = await Assert.ThrowsAsync<RpcException>(() => channel.CallAsync(nope, new SayRequest(), cancellationToken: Patience.Token));
        Assert.Equal(RpcStatusCode.Unimplemented, error.Code);
    }

    [Fact]
    public async Task Call_TimeoutPasses_EndsClientAndHandler()
    {
        using var channel = await ConnectAsync();
        var key = Guid.NewGuid().ToString();
        var error = await Assert.ThrowsAsync<RpcException>(() => channel.CallAsync(
            EchoMethods.Hang, new HangRequest { Key = key }, new RpcCallOptions { Timeout = TimeSpan.FromSeconds(1) }, Patience.Token));
        Assert.Equal(RpcStatusCode.DeadlineExceeded, error.Code);
        await AwaitAsync(channel, $"{key}/cancelled");
    }

    [Fact]
    public async Task Call_CallerCancels_EndsClientAndHandler()
    {
        using var channel = await ConnectAsync();
        using var cancel = new CancellationTokenSource();
        var key = Guid.NewGuid().ToString();
        var call = channel.CallAsync(EchoMethods.Hang, new HangRequest { Key = key }, cancellationToken: cancel.Token);
        await AwaitAsync(channel, $"{key}/started");
        await cancel.CancelAsync();
        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Assert.Equal(cancel.Token, error.CancellationToken);
        await AwaitAsync(channel, $"{key}/cancelled");
    }

    [Fact]
    public async Task Stream_MessageIsRead_BeforeTheNextIsMade()
    {
        using var channel = await ConnectAsync();
        var key = Guid.NewGuid().ToString();
        var numbers = new List<int>();
        await foreach (var message in channel.StreamAsync(EchoMethods.Count, new CountRequest { Key = key, Count = 3, Gated = true }, cancellationToken: Patience.Token))
        {
            numbers.Add(message.Number);
            await channel.CallAsync(EchoMethods.Signal, new SignalRequest { Name = $"{key}/{message.Number + 1}" }, cancellationToken: Patience.Token);
        }
        Assert.Equal([1, 2, 3], numbers);
    }

    [Fact]
    public async Task Stream_NoMessages_EndsWell()
    {
        using var channel = await ConnectAsync();
        Assert.Empty(await channel.StreamAsync(EchoMethods.Count, new CountRequest(), cancellationToken: Patience.Token).ToListAsync(Patience.Token));
    }

    [Fact]
    public async Task Stream_HandlerFailsLater_MessagesThenStatus()
    {
        using var channel = await ConnectAsync();
        var request = new CountRequest { Count = 2, Failure = new Failure { Code = (int)RpcStatusCode.FailedPrecondition, Message = "stopped – here" } };
        await using var stream = channel.StreamAsync(EchoMethods.Count, request, cancellationToken: Patience.Token).GetAsyncEnumerator(Patience.Token);
        Assert.True(await stream.MoveNextAsync());
        Assert.True(await stream.MoveNextAsync());
        var error = await Assert.ThrowsAsync<RpcException>(async () => await stream.MoveNextAsync());
        Assert.Equal((RpcStatusCode.FailedPrecondition, "stopped – here"), (error.Code, error.Message));
    }

    [Fact]
    public async Task Stream_LeftEarly_EndsTheHandler()
    {
        using var channel = await ConnectAsync();
        var key = Guid.NewGuid().ToString();
        await foreach (var _ in channel.StreamAsync(EchoMethods.Count, new CountRequest { Key = key, Count = 2, Gated = true }, cancellationToken: Patience.Token))
            break;
        await AwaitAsync(channel, $"{key}/cancelled");
    }

    [Fact]
    public async Task Stream_CallerCancels_EndsClientAndHandler()
    {
        using var channel = await ConnectAsync();
        using var cancel = new CancellationTokenSource();
        var key = Guid.NewGuid().ToString();
        await using var stream = channel.StreamAsync(EchoMethods.Count, new CountRequest { Key = key, Count = 2, Gated = true }, cancellationToken: Patience.Token)
            .GetAsyncEnumerator(cancel.Token);
        Assert.True(await stream.MoveNextAsync());
        var next = stream.MoveNextAsync();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await next);
        await AwaitAsync(channel, $"{key}/cancelled");
    }

    [Fact]
    public async Task Stream_TimeoutPasses_EndsClientAndHandler()
    {
        using var channel = await ConnectAsync();
        var key = Guid.NewGuid().ToString();
        var request = new CountRequest { Key = key, Count = 2, Gated = true };
        var options = new RpcCallOptions { Timeout = TimeSpan.FromSeconds(1) };
        var error = await Assert.ThrowsAsync<RpcException>(async () => await channel.StreamAsync(EchoMethods.Count, request, options, Patience.Token).ToListAsync(Patience.Token));
        Assert.Equal(RpcStatusCode.DeadlineExceeded, error.Code);
        await AwaitAsync(channel, $"{key}/cancelled");
    }

    private static Task<SayResponse> CallAsync(RpcChannel channel, SayRequest request, RpcCallOptions? options = null) =>
        channel.CallAsync(EchoMethods.Say, request, options, Patience.Token);

    private static Task<RpcException> FailsAsync(RpcChannel channel, SayRequest request) =>
        Assert.ThrowsAsync<RpcException>(() => CallAsync(channel, request));

    private Task<SignalResponse> AwaitAsync(RpcChannel channel, string signal) =>
        Echo.WithinAsync(channel.CallAsync(EchoMethods.Await, new SignalRequest { Name = signal }, cancellationToken: Patience.Token), $"the server's signal {signal}");
}
