using System.Net;
using System.Net.Sockets;
using System.Text;
using AgentKernel.Egress.Tests.Network;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.Egress.Tests.Models;

public sealed class ModelRouteTests
{
    [Theory]
    [InlineData("GET http://evil.example/ HTTP/1.1\r\nHost: evil.example")]
    [InlineData("GET http://localhost/ HTTP/1.1\r\nHost: localhost")]
    [InlineData("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443")]
    [InlineData("TRACE / HTTP/1.1\r\nHost: localhost")]
    [InlineData("OPTIONS * HTTP/1.1\r\nHost: localhost")]
    [InlineData("GET / HTTP/1.1\r\nHost: evil.example")]
    [InlineData("GET /../admin HTTP/1.1\r\nHost: localhost")]
    [InlineData("GET /a/%2e%2e/admin HTTP/1.1\r\nHost: localhost")]
    [InlineData("GET /a/%252e%252e/admin HTTP/1.1\r\nHost: localhost")]
    [InlineData("GET /a\\..\\admin HTTP/1.1\r\nHost: localhost")]
    [InlineData("GET /..;x/admin HTTP/1.1\r\nHost: localhost")]
    [InlineData("GET //evil.example/ HTTP/1.1\r\nHost: localhost")]
    [InlineData("GET /a%00 HTTP/1.1\r\nHost: localhost")]
    [InlineData("GET / HTTP/1.1\r\nHost: a b")]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example")]
    public async Task Request_ForElsewhere_IsRefused(string head)
    {
        await using var server = await ModelServer.StartAsync(context => context.Response.WriteAsync("reached"), tls: false);
        await using var route = await RunningRoute.StartAsync(server, path: "/v1");
        using var socket = await route.ConnectAsync();

        await socket.SendAsync(Encoding.Latin1.GetBytes($"{head}\r\nConnection: close\r\n\r\n"), Patience.Token);
        var answer = await RunningProxy.ReadToEndAsync(socket);

        Assert.Matches("^HTTP/1.1 (403|400|405) ", answer);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task Headers_GoThrough_ButThoseOfOneHopAndKeys()
    {
        await using var server = await ModelServer.StartAsync(context =>
        {
            context.Response.Headers["X-Answer"] = "1";
            context.Response.Headers.Connection = "x-hop";
            context.Response.Headers["X-Hop"] = "1";
            return context.Response.WriteAsync("ok");
        }, tls: false);
        await using var route = await RunningRoute.StartAsync(server, "anthropic");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models?limit=2&x=%2F..%2f");
        foreach (var (name, value) in new[]
        {
            ("Connection", "X-Mine"), ("X-Mine", "1"), ("Authorization", "Bearer other"), ("x-api-key", "other"), ("api-key", "other"), ("Cookie", "a=b"),
            ("X-Forwarded-For", "1.2.3.4"), ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("anthropic-beta", "b"),
        })
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await route.Client.SendAsync(request, Patience.Token);

        Assert.Equal("ok", await response.Content.ReadAsStringAsync(Patience.Token));
        Assert.True(response.Headers.Contains("X-Answer"));
        Assert.False(response.Headers.Contains("X-Hop"));
        var (line, headers) = Assert.Single(server.Requests);
        Assert.Equal("GET /v1/models?limit=2&x=%2F..%2f HTTP/1.1", line);
        Assert.Equal(RunningRoute.Key, headers["x-api-key"]);
        Assert.Equal("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", headers["traceparent"]);
        Assert.Equal(server.Url["http://".Length..], headers["Host"]);
        Assert.Equal(["anthropic-beta", "Host", "traceparent", "x-api-key"], headers.Keys.Order(StringComparer.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Redirect_IsNotFollowed()
    {
        await using var other = await ModelServer.StartAsync(context => context.Response.WriteAsync("stolen"), tls: false);
        await using var server = await ModelServer.StartAsync(context =>
        {
            context.Response.Redirect(other.Url);
            return Task.CompletedTask;
        });
        await using var route = await RunningRoute.StartAsync(server);
        using var client = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectCallback = async (_, _) => new System.Net.Sockets.NetworkStream(await route.ConnectAsync(), ownsSocket: true),
        });

        using var response = await client.SendAsync(new(HttpMethod.Get, "http://localhost/"), Patience.Token);

        Assert.Equal(HttpStatusCode.Found, response.StatusCode);
        Assert.Empty(other.Requests);
    }

    [Fact]
    public async Task Bodies_GoThroughPieceByPiece_InBothDirections()
    {
        var came = new TaskCompletionSource();
        var seen = new TaskCompletionSource();
        await using var server = await ModelServer.StartAsync(async context =>
        {
            await context.Request.Body.ReadExactlyAsync(new byte[3], context.RequestAborted);
            came.SetResult();
            await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
            await context.Response.WriteAsync("first", context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await seen.Task.WaitAsync(context.RequestAborted);
            await context.Response.WriteAsync("second", context.RequestAborted);
        });
        await using var route = await RunningRoute.StartAsync(server);
        using var socket = await route.ConnectAsync();
        var answer = new StringBuilder();

        await socket.SendAsync("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"u8.ToArray(), Patience.Token);
        await came.Task.WaitAsync(Patience.Limit); // before there is a second
        await socket.SendAsync("3\r\ntwo\r\n0\r\n\r\n"u8.ToArray(), Patience.Token);
        await ReadUntilAsync("first");
        seen.SetResult(); // only now is there a second
        await ReadUntilAsync("second");

        async Task ReadUntilAsync(string end)
        {
            var buffer = new byte[1024];
            while (!answer.ToString().Contains(end, StringComparison.Ordinal))
            {
                var read = await socket.ReceiveAsync(buffer, Patience.Token);
                Assert.True(read > 0, answer.ToString());
                answer.Append(Encoding.ASCII.GetString(buffer, 0, read));
            }
        }
    }

    [Fact]
    public async Task Answer_BreaksOff_IsNotAWholeAnswer()
    {
        var seen = new TaskCompletionSource();
        await using var server = await ModelServer.StartAsync(async context =>
        {
            await context.Response.WriteAsync("half", context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await seen.Task.WaitAsync(context.RequestAborted);
            context.Abort();
        }, tls: false);
        await using var route = await RunningRoute.StartAsync(server);

        using var response = await route.Client.GetAsync("/", HttpCompletionOption.ResponseHeadersRead, Patience.Token);
        await using var body = await response.Content.ReadAsStreamAsync(Patience.Token);
        await body.ReadExactlyAsync(new byte[4], Patience.Token);
        seen.SetResult();

        await Assert.ThrowsAnyAsync<IOException>(() => body.CopyToAsync(Stream.Null, Patience.Token));
        Assert.Contains("broke off", route.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Endpoint_WithAStrangersCertificate_GetsNoKey()
    {
        await using var server = await ModelServer.StartAsync(context => context.Response.WriteAsync("reached"));
        await using var route = await RunningRoute.StartAsync(server, handler: new SocketsHttpHandler { UseProxy = false });

        using var response = await route.Client.GetAsync("/", Patience.Token);

        Assert.Equal(HttpStatusCode.BadGateway, response.StatusCode);
        Assert.Contains("TLS", await response.Content.ReadAsStringAsync(Patience.Token), StringComparison.Ordinal);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task Endpoint_IsSilent_AnswersAfterTheIdleTime()
    {
        await using var server = await ModelServer.StartAsync(context => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default), tls: false);
        await using var route = await RunningRoute.StartAsync(server, limits: new() { IdleTimeout = TimeSpan.FromMilliseconds(300) });

        using var response = await route.Client.GetAsync("/", Patience.Token);

        Assert.Equal(HttpStatusCode.GatewayTimeout, response.StatusCode);
    }

    [Fact]
    public async Task Request_TooLarge_Is413()
    {
        await using var server = await ModelServer.StartAsync(context => context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted), tls: false);
        await using var route = await RunningRoute.StartAsync(server, limits: new() { MaxModelRequestBytes = 100 });
        using var content = new ByteArrayContent(new byte[1000]);

        using var response = await route.Client.PostAsync("/", content, Patience.Token);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Fact]
    public async Task Close_EndsWhatRuns_AndTheSocket()
    {
        var reached = new TaskCompletionSource();
        var ended = new TaskCompletionSource();
        await using var server = await ModelServer.StartAsync(context =>
        {
            context.RequestAborted.Register(ended.SetResult);
            reached.SetResult();
            return ended.Task;
        }, tls: false);
        await using var route = await RunningRoute.StartAsync(server);
        var request = route.Client.GetAsync("/", Patience.Token);
        await reached.Task.WaitAsync(Patience.Limit);

        await route.CloseAsync();

        await ended.Task.WaitAsync(Patience.Limit);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => request);
        Assert.False(File.Exists(route.SocketPath));
    }

    [Fact]
    public async Task Connections_BeyondTheLimit_AreToldSo()
    {
        await using var server = await ModelServer.StartAsync(context => context.Response.WriteAsync("ok"), tls: false);
        await using var route = await RunningRoute.StartAsync(server, limits: new() { MaxConnections = 1 });
        using var first = await route.Client.GetAsync("/", Patience.Token); // keeps its connection
        using var socket = await route.ConnectAsync();

        Assert.StartsWith("HTTP/1.1 503 ", await RunningProxy.ReadToEndAsync(socket), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ftp://x")]
    [InlineData("not a url")]
    [InlineData("https://user@x/")]
    [InlineData("https://x/?q")]
    public void Endpoint_Malformed_IsNamed(string url) =>
        Assert.Contains("endpoint", Assert.Throws<ArgumentException>(() => ModelEndpoint.For("openai", url, "k")).Message, StringComparison.Ordinal);

    [Fact]
    public void Endpoint_BadKey_IsNotRepeated() =>
        Assert.DoesNotContain("sk-x", Assert.Throws<ArgumentException>(() => ModelEndpoint.For("openai", "https://x", "sk-x\r\n")).Message, StringComparison.Ordinal);
}
