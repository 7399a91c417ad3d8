using System.Net.Sockets;
using Google.Protobuf;

namespace AgentKernel.Rpc.Tests;

/// <summary>Our client against our server, and against things that are no gRPC Echo.</summary>
public sealed class RpcChannelTests(EchoServer echo) : RpcChannelContract(echo)
{
    internal override RpcStatusCode CrashStatus => RpcStatusCode.Internal;

    internal override Task<RpcChannel> ConnectAsync(RpcChannelOptions? options = null) => Task.FromResult(new RpcChannel(Echo.Http2, options));

    [Fact]
    public async Task Call_OverTls_NegotiatesHttp2()
    {
        using var handler = Echo.CreateTlsHandler();
        using var channel = new RpcChannel(Echo.Tls, new RpcChannelOptions { Handler = handler });
        Assert.Equal("hi", (await channel.CallAsync(EchoMethods.Say, new SayRequest { Text = "hi" }, cancellationToken: Patience.Token)).Text);
    }

    [Fact]
    public async Task Call_OverAGivenHandler_LeavesItOpen()
    {
        using var handler = new SocketsHttpHandler();
        handler.ConnectCallback = async (_, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Echo.UnixSocket), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        };
        for (var i = 0; i < 2; i++)
        {
            using var channel = new RpcChannel(new Uri("http://unix"), new RpcChannelOptions { Handler = handler });
            await channel.CallAsync(EchoMethods.Say, new SayRequest(), cancellationToken: Patience.Token);
        }
    }

    [Fact]
    public async Task Call_NobodyListens_IsUnavailableAndNamesTheAddress()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0)); // bound and not listening: refuses, and stays ours
        using var channel = new RpcChannel(new Uri($"http://{taken.LocalEndPoint}"));
        var error = await FailsAsync(channel, EchoMethods.Say);
        Assert.Equal(RpcStatusCode.Unavailable, error.Code);
        Assert.Contains(taken.LocalEndPoint!.ToString()!, error.Message, StringComparison.Ordinal); // set by Bind
    }

    [Theory]
    [InlineData(true, 3), InlineData(false, 1)]
    public async Task Call_ServerComesBackSoon_IsMadeAgainWhereThatIsHarmless(bool idempotent, int expected)
    {
        var tries = 0;
        using var handler = new SocketsHttpHandler();
        handler.ConnectCallback = async (_, cancellationToken) =>
        {
            if (++tries < 3)
                throw new SocketException((int)SocketError.ConnectionRefused);
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Echo.UnixSocket), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        };
        using var channel = new RpcChannel(new Uri("http://unix"), new RpcChannelOptions { Handler = handler });

        var call = channel.CallAsync(EchoMethods.Say with { Idempotent = idempotent }, new SayRequest { Text = "again" }, cancellationToken: Patience.Token);

        if (idempotent)
            Assert.Equal("again", (await call).Text);
        else
            Assert.Equal(RpcStatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => call)).Code);
        Assert.Equal(expected, tries);
    }

    [Fact]
    public async Task Call_ServerSpeaksHttp11_IsUnavailableAndSaysSo()
    {
        using var channel = new RpcChannel(Echo.Http1);
        var error = await FailsAsync(channel, EchoMethods.Say);
        Assert.Equal(RpcStatusCode.Unavailable, error.Code);
        Assert.Contains("speaks HTTP/1.1", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("400", RpcStatusCode.Internal), InlineData("401", RpcStatusCode.Unauthenticated), InlineData("403", RpcStatusCode.PermissionDenied)]
    [InlineData("404", RpcStatusCode.Unimplemented), InlineData("429", RpcStatusCode.Unavailable), InlineData("502", RpcStatusCode.Unavailable)]
    [InlineData("503", RpcStatusCode.Unavailable), InlineData("504", RpcStatusCode.Unavailable), InlineData("418", RpcStatusCode.Unknown)]
    [InlineData("200", RpcStatusCode.Unknown), InlineData("silent", RpcStatusCode.Unknown)]
    public async Task Call_AnswerIsNotGrpc_IsMapped(string answer, RpcStatusCode expected)
    {
        using var channel = new RpcChannel(Echo.Http2);
        var method = new UnaryMethod<SayRequest, SayResponse>("http", answer, SayRequest.Parser, SayResponse.Parser);
        Assert.Equal(expected, (await FailsAsync(channel, method)).Code);
    }

    [Fact]
    public async Task Call_RequestUnderTheMethodsOwnLimit_IsTaken()
    {
        using var channel = new RpcChannel(Echo.Http2);
        var request = new SayRequest { Text = "big", Data = ByteString.CopyFrom(new byte[35 * 1024 * 1024]), ReplyBytes = 1 };
        Assert.Equal("big", (await channel.CallAsync(EchoMethods.SayBig, request, cancellationToken: Patience.Token)).Text);
    }

    [Fact]
    public void Channel_AddressWithoutScheme_IsRefused() =>
        Assert.Contains("http://", Assert.Throws<ArgumentException>(() => new RpcChannel(new Uri("localhost:80"))).Message, StringComparison.Ordinal);

    private static Task<RpcException> FailsAsync(RpcChannel channel, UnaryMethod<SayRequest, SayResponse> method) =>
        Assert.ThrowsAsync<RpcException>(() => channel.CallAsync(method, new SayRequest(), cancellationToken: Patience.Token));
}
