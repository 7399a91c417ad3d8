namespace AgentKernel.Egress.Tests.Network;

public sealed class ProxyTests
{
    private const string Public = "93.184.215.14";

    [Theory]
    [InlineData("127.0.0.1:80")]
    [InlineData("[::1]:80")]
    [InlineData("[::ffff:127.0.0.1]:80")]
    [InlineData("[::ffff:7f00:1]:80")]
    [InlineData("[64:ff9b::10.0.0.1]:80")]
    [InlineData("[2002:a00:1::]:80")]
    [InlineData("10.1.2.3:443")]
    [InlineData("192.168.0.1:443")]
    [InlineData("172.31.255.255:443")]
    [InlineData("100.64.0.1:443")]
    [InlineData("169.254.169.254:80")]
    [InlineData("[fd00:ec2::254]:80")]
    [InlineData("[fe80::1]:80")]
    [InlineData("224.0.0.1:80")]
    [InlineData("0.0.0.0:80")]
    [InlineData("[::]:80")]
    [InlineData("93.184.215.14:443")]
    [InlineData("other.example:443")]
    [InlineData("example.com:443")]
    [InlineData("badexample.com:443")]
    [InlineData("api.example.com:444")]
    [InlineData("localhost:80")]
    public async Task Connect_NotListed_IsForbiddenAndLogged(string target)
    {
        await using var proxy = new RunningProxy(["*.example.com:443"]);

        var answer = await proxy.ExchangeAsync($"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 403 ", answer, StringComparison.Ordinal);
        Assert.Contains("listed for this agent", answer, StringComparison.Ordinal);
        Assert.Contains("agent-7", proxy.Log.Text, StringComparison.Ordinal);
        Assert.Empty(proxy.Network.Connected);
    }

    [Theory]
    [InlineData("CONNECT api.example.com HTTP/1.1")]
    [InlineData("CONNECT api.example.com: HTTP/1.1")]
    [InlineData("CONNECT api.example.com:0 HTTP/1.1")]
    [InlineData("CONNECT api.example.com:65536 HTTP/1.1")]
    [InlineData("CONNECT api.example.com:+443 HTTP/1.1")]
    [InlineData("CONNECT api.example.com:0443 HTTP/1.1")]
    [InlineData("CONNECT api.example.com\0.evil.example:443 HTTP/1.1")]
    [InlineData("CONNECT api.example.com%00:443 HTTP/1.1")]
    [InlineData("CONNECT api.example.com :443 HTTP/1.1")]
    [InlineData("CONNECT api.example.com\t:443 HTTP/1.1")]
    [InlineData("CONNECT user@api.example.com:443 HTTP/1.1")]
    [InlineData("CONNECT api..example.com:443 HTTP/1.1")]
    [InlineData("CONNECT .example.com:443 HTTP/1.1")]
    [InlineData("CONNECT b\u00fccher.example.com:443 HTTP/1.1")]
    [InlineData("CONNECT 0177.0.0.1:80 HTTP/1.1")]
    [InlineData("CONNECT 0x7f.0.0.1:80 HTTP/1.1")]
    [InlineData("CONNECT 0x7f000001:80 HTTP/1.1")]
    [InlineData("CONNECT 2130706433:80 HTTP/1.1")]
    [InlineData("CONNECT 127.1:80 HTTP/1.1")]
    [InlineData("CONNECT 127.0.0.1.:80 HTTP/1.1")]
    [InlineData("CONNECT [::1%lo]:80 HTTP/1.1")]
    [InlineData("CONNECT [::1]x:80 HTTP/1.1")]
    [InlineData("CONNECT ::1:80 HTTP/1.1")]
    [InlineData("CONNECT [::ffff:0177.0.0.1]:80 HTTP/1.1")]
    [InlineData("GET / HTTP/1.1")]
    [InlineData("GET https://api.example.com/ HTTP/1.1")]
    [InlineData("GET http://user:pw@api.example.com/ HTTP/1.1")]
    [InlineData("GET http://api.example.com\\@evil.example/ HTTP/1.1")]
    [InlineData("GET http:///x HTTP/1.1")]
    [InlineData("GET http://api.example.com/ HTTP/2.0")]
    [InlineData("nonsense")]
    public async Task Request_Malformed_IsRefusedWithReason(string line)
    {
        await using var proxy = new RunningProxy(["*.example.com", "api.example.com", "127.0.0.1"]);
        proxy.Network.Name("api.example.com", Public);

        var answer = await proxy.ExchangeAsync($"{line}\r\nHost: x\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        Assert.Contains("Malformed", proxy.Log.Text, StringComparison.Ordinal);
        Assert.Empty(proxy.Network.Connected);
    }

    [Fact]
    public async Task Get_ListedName_ReachesItsAddressWithoutHopByHopHeaders()
    {
        await using var server = LineServer.EchoingHead();
        await using var proxy = new RunningProxy(["*.example.com"]);
        proxy.Network.Name("api.example.com", Public);
        proxy.Network.Serve($"{Public}:80", server.EndPoint);

        var answer = await proxy.ExchangeAsync(
            "GET http://API.example.com./a?b HTTP/1.1\r\nHost: evil.example\r\nProxy-Authorization: Basic eA==\r\nConnection: x-hop, Content-Length\r\nX-Hop: 1\r\nContent-Length: 0\r\nX-End: 2\r\n\r\n");

        Assert.Contains("\r\n\r\nGET /a?b HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 0\r\nX-End: 2\r\nConnection: close\r\n\r\n", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("fd00:ec2::254")]
    public async Task Connect_ListedNameResolvesToInnerAddress_IsForbidden(string address)
    {
        await using var proxy = new RunningProxy(["api.example.com"]);
        proxy.Network.Name("api.example.com", address);

        var answer = await proxy.ExchangeAsync("CONNECT api.example.com:443 HTTP/1.1\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 403 api.example.com resolves to ", answer, StringComparison.Ordinal);
        Assert.Empty(proxy.Network.Connected);
    }

    [Fact]
    public async Task Connect_NameResolvesToBoth_ReachesOnlyThePublicAddress()
    {
        await using var server = LineServer.EchoingHead();
        await using var proxy = new RunningProxy(["api.example.com"]);
        proxy.Network.Name("api.example.com", "10.0.0.1", Public);
        proxy.Network.Serve("10.0.0.1:80", server.EndPoint);
        proxy.Network.Serve($"{Public}:80", server.EndPoint);

        var answer = await proxy.ExchangeAsync("CONNECT api.example.com:80 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Equal(Public, Assert.Single(proxy.Network.Connected).Address.ToString());
    }
}
