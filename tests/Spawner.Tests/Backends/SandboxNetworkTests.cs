using AgentKernel.Contracts.V1;
using AgentKernel.Spawner.Backends;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>What an agent in a real sandbox reaches, with real programs, and what it does not.</summary>
public sealed class SandboxNetworkTests : IAsyncDisposable
{
    // Loopback is what programs do not ask a proxy for, and what these servers are on.
    private const string Curl = "env NO_PROXY= no_proxy= curl -sS -m 30 ";

    private readonly BubblewrapFixture _bubblewrap = new();
    private readonly LoopbackServer _server = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _bubblewrap.DisposeAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData("--proxytunnel ")]
    public async Task Curl_ToAListedAddress_ReachesIt(string how)
    {
        _ = Machine.Program("curl");
        Assert.Equal("reached", await SayAsync($"{Curl}{how}http://{_server.Address}/", _server.Address));
        Assert.StartsWith("GET / HTTP/1.1", Assert.Single(_server.Requests), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Node_ToAListedAddress_ReachesItThroughTheProxy()
    {
        _ = Machine.Program("node");
        var script = $"const p = new URL(process.env.HTTP_PROXY); require(\"http\").get({{ host: p.hostname, port: p.port, path: \"http://{_server.Address}/\" }}, r => r.pipe(process.stdout))";
        Assert.Equal("reached", await SayAsync($"node -e '{script}'", _server.Address));
    }

    [Theory]
    [InlineData("", "not listed", 403)] // nothing is listed
    [InlineData("*.example.com", "not listed", 403)]
    [InlineData("127.0.0.1:1", "not listed", 403)] // another port
    public async Task Curl_ToAnUnlistedAddress_IsRefusedAndLogged(string listed, string reason, int status)
    {
        _ = Machine.Program("curl");
        var spec = Spec($"{Curl}-o /dev/null -w '%{{http_code}}' http://{_server.Address}/", listed);
        Assert.Equal(status.ToString(System.Globalization.CultureInfo.InvariantCulture), await _bubblewrap.RunAsync(spec));
        Assert.Empty(_server.Requests);
        var line = await _bubblewrap.Log.LineAsync(spec.AgentId);
        Assert.StartsWith("Warning: ", line, StringComparison.Ordinal);
        Assert.Contains(reason, line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Curl_ToAListedNameThatLeadsToLoopback_IsRefused()
    {
        _ = Machine.Program("curl");
        var spec = Spec($"{Curl}-o /dev/null -w '%{{http_code}}' http://localhost:{_server.Port}/", "localhost");
        Assert.Equal("403", await _bubblewrap.RunAsync(spec));
        Assert.Empty(_server.Requests);
        Assert.Contains("localhost resolves to", await _bubblewrap.Log.LineAsync(spec.AgentId), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("192.168.0.1")]
    [InlineData("172.16.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("100.100.100.200")]
    [InlineData("[::1]")]
    [InlineData("[::ffff:127.0.0.1]")]
    [InlineData("[fe80::1]")]
    [InlineData("0.0.0.0")]
    [InlineData("2130706433")]
    [InlineData("example.com")]
    public async Task Curl_ToWhatIsNotListed_IsRefused(string host)
    {
        _ = Machine.Program("curl");
        var said = await SayAsync($"{Curl}-g -o /dev/null -w '%{{http_code}}' http://{host}:{_server.Port}/", "*.example.com");
        Assert.True(said is "403" or "400", said);
        Assert.Empty(_server.Requests);
    }

    [Theory]
    [InlineData("CONNECT 127.0.0.1\\0.example.com:443 HTTP/1.1")]
    [InlineData("GET http://127.0.0.1\\0.example.com/ HTTP/1.1")]
    [InlineData("CONNECT x.example.com:443\\r\\nHost: 127.0.0.1 HTTP/1.1")]
    [InlineData("CONNECT user@x.example.com:443 HTTP/1.1")]
    public async Task Host_ThatIsMalformed_IsRefused(string line)
    {
        _ = Machine.Program("bash");
        var answer = await SayAsync($"bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128; printf \"{line}\\r\\n\\r\\n\" >&3; head -1 <&3'", "*.example.com");
        Assert.Matches("^HTTP/1.1 40[03] ", answer);
    }

    [Fact]
    public async Task Host_NetworkAskedFor_IsGivenLoudly()
    {
        _ = Machine.Program("curl");
        var spec = Spec($"curl -sS -m 30 http://{_server.Address}/; echo; env | grep -c -i _proxy=") with { Network = new NetworkAccess { Host = true } };
        Assert.Equal("reached\n0", await _bubblewrap.RunAsync(spec));
        Assert.StartsWith("Warning: ", await _bubblewrap.Log.LineAsync($"{spec.AgentId} (tested) is not isolated"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reattach_ToALivingOne_ServesItsNetworkAgain()
    {
        _ = Machine.Program("curl");
        var spec = Spec($"{Curl}http://{_server.Address}/", _server.Address);
        var first = _bubblewrap.NewKernel();
        var saved = (await first.StartAsync(spec, Cancellation)).SavedState.Clone();
        await first.DisposeAsync();
        var again = await _bubblewrap.NewKernel().ReattachAsync(spec with { Network = new() }, saved, Cancellation);
        _bubblewrap.Release(spec);
        var end = await Waiting.ForAsync(again!.Completion, "the end", () => "");
        Assert.EndsWith("reached", end.OutputTail, StringComparison.Ordinal);
        Assert.Empty(_bubblewrap.Leftovers(spec));
        Assert.False(File.Exists(Path.Combine(spec.Folder, "egress.json")));
    }

    private AgentSpec Spec(string command, params string[] allow)
    {
        var network = new NetworkAccess();
        network.Allow.AddRange(allow.Where(entry => entry.Length > 0));
        return _bubblewrap.Spec(ShellAgent.Type($"ready; released; {{ {command}\n}} 2>&1")) with { Network = network };
    }

    private Task<string> SayAsync(string command, params string[] allow) => _bubblewrap.RunAsync(Spec(command, allow));
}
