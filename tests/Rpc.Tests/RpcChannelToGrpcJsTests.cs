namespace AgentKernel.Rpc.Tests;

/// <summary>Our client against a grpc-js server in a process of its own.</summary>
public sealed class RpcChannelToGrpcJsTests(EchoServer echo) : RpcChannelContract(echo), IAsyncLifetime
{
    private ChildProcess? _server;

    internal override RpcStatusCode CrashStatus => RpcStatusCode.Unknown;

    internal override async Task<RpcChannel> ConnectAsync(RpcChannelOptions? options = null)
    {
        await Node.RequireAsync();
        _server = new ChildProcess("node", ["server.mjs"], Node.Directory);
        var port = await Echo.WithinAsync(_server.Output.ReadLineAsync(Patience.Token).AsTask(), "the port of server.mjs");
        Assert.True(port is not null, $"server.mjs did not start:\n{_server.Errors}");
        return new RpcChannel(new Uri($"http://127.0.0.1:{port}"), options);
    }

    [Fact]
    public async Task Stream_ServerDies_IsUnavailable()
    {
        using var channel = await ConnectAsync();
        var request = new CountRequest { Key = "dies", Count = 2, Gated = true };
        await using var stream = channel.StreamAsync(EchoMethods.Count, request, cancellationToken: Patience.Token)
            .GetAsyncEnumerator(Patience.Token);
        Assert.True(await stream.MoveNextAsync());
        await DisposeAsync();
        var error = await Assert.ThrowsAsync<RpcException>(async () => await stream.MoveNextAsync());
        Assert.Equal(RpcStatusCode.Unavailable, error.Code);
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        _server = null;
    }
}
