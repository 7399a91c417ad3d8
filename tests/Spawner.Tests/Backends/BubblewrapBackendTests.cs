using System.Globalization;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Backends.Local;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>What is particular to agents in sandboxes: what they are given, and what happens around them.</summary>
public sealed class BubblewrapBackendTests : IAsyncDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);
    private readonly BubblewrapFixture _bubblewrap = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _bubblewrap.DisposeAsync();

    [Theory]
    [InlineData(AgentListener.HttpPort, false)]
    [InlineData(AgentListener.UnixSocket, false)]
    [InlineData(AgentListener.HttpPort, true)]
    public async Task Health_OfTheRightAgent_MakesItReady(AgentListener listener, bool hostNetwork)
    {
        var spec = _bubblewrap.Spec(HttpAgent.Type(listener)) with { Network = new() { Host = hostNetwork } };
        spec.Config["behaviour"] = "good";
        var agent = await _bubblewrap.NewKernel().StartAsync(spec, Cancellation);
        Assert.NotNull(agent.Endpoint.UnixSocket);
        await HealthProbe.WaitAsync(agent.Endpoint, spec.AgentId, () => null, Assert.Fail, TimeProvider.System, Cancellation);
        await agent.StopAsync(Grace);
        Assert.Empty(_bubblewrap.Leftovers(spec));
    }

    [Fact]
    public async Task Environment_OfAnAgent_IsTheAllowListAndNoMore()
    {
        var type = ShellAgent.Type("ready; released; env") with { Environment = new Dictionary<string, string> { ["OF_TYPE"] = "a 'b' \"c\"\n$d" } };
        var names = (await _bubblewrap.RunAsync(_bubblewrap.Spec(type))).Split('\n').Where(line => line.Contains('=', StringComparison.Ordinal)).Select(line => line.Split('=')[0]);
        Assert.Equal(
            ["AGENTKERNEL_AGENT_ID", "AGENTKERNEL_KERNEL_ID", "FIFOS", "HOME", "HTTPS_PROXY", "HTTP_PROXY", "NOTIFY_SOCKET", "NO_PROXY", "OF_TYPE", "PATH", "PWD", "SECRET", "SOCKET", "USER", "http_proxy", "https_proxy", "no_proxy"],
            names.Except(["LANG", "_", "SHLVL", "OLDPWD"], StringComparer.Ordinal).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Secrets_OfAnAgent_AreInNoCommandLineAndInNoEnvironmentButItsOwn()
    {
        var secret = Guid.NewGuid().ToString(); // other tests run beside this one
        var spec = _bubblewrap.Spec(ShellAgent.Type(Behaviour.Idle));
        spec = spec with { Environment = new Dictionary<string, string>(spec.Environment) { ["SECRET"] = secret }, Secrets = [secret] };
        var agent = await _bubblewrap.NewKernel().StartAsync(spec, Cancellation);
        var inside = int.Parse(agent.Status["pid"], CultureInfo.InvariantCulture);
        var session = ProcessStat.Read(inside)!.Value.Session;
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out _)))
        {
            Assert.DoesNotContain(secret, Read(Path.Combine(process, "cmdline")), StringComparison.Ordinal);
            if (ProcessStat.Read(int.Parse(Path.GetFileName(process), CultureInfo.InvariantCulture))?.Session != session)
            {
                Assert.DoesNotContain(secret, Read(Path.Combine(process, "environ")), StringComparison.Ordinal);
            }
        }

        Assert.Contains(secret, Read($"/proc/{inside}/environ"), StringComparison.Ordinal); // it would be seen
        Assert.DoesNotContain(Directory.EnumerateFiles(spec.Folder), file => Read(file).Contains(secret, StringComparison.Ordinal));
        await agent.StopAsync(Grace);
    }

    [Fact]
    public async Task Config_OfAnAgent_IsWholeAndReadByItAlone()
    {
        var spec = _bubblewrap.Spec(ShellAgent.Type("ready; released; stat -c '%a %U' \"$2\"; cat \"$2\""));
        spec.Config["prompt"] = "höher";
        var lines = (await _bubblewrap.RunAsync(spec)).Split('\n', 2);
        Assert.Equal("600 agent", lines[0]);
        var seen = JsonNode.Parse(lines[1])!;
        Assert.Equal((spec.AgentId, "höher", "/run/agent/s"), ((string?)seen["agent_id"], (string?)seen["prompt"], (string?)seen["unix_socket"]));
    }

    [Fact]
    public async Task Image_OfAnAgent_IsThereToBeRead()
    {
        var image = _bubblewrap.Home.Directory.Combine("an image");
        Directory.CreateDirectory(image);
        await File.WriteAllTextAsync(Path.Combine(image, "tool"), "from the image\n", Cancellation);
        var spec = _bubblewrap.Spec(ShellAgent.Type("ready; released; cat /image/tool; touch /image/x || echo refused")) with { ImagePath = image };
        var said = await _bubblewrap.RunAsync(spec);
        Assert.StartsWith("from the image\n", said, StringComparison.Ordinal);
        Assert.EndsWith("refused", said, StringComparison.Ordinal);
        Assert.Equal("/image", (string?)spec.Config["image_path"]);
    }

    [Fact]
    public async Task Socket_ReplacedByALink_IsNotFollowed()
    {
        // A socket of the host that the kernel could speak to, and the agent could not.
        var path = _bubblewrap.Home.Directory.Combine("private.sock");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();

        var before = _bubblewrap.Spec(ShellAgent.Type($"ln -s {path} /run/agent/s; SOCKET= ready; released"));
        var failure = await Assert.ThrowsAsync<AgentStartException>(() => _bubblewrap.NewKernel().StartAsync(before, Cancellation));
        Assert.Contains("what is at its unix_socket is no socket", failure.Message, StringComparison.Ordinal);
        Assert.Empty(_bubblewrap.Leftovers(before));

        var after = _bubblewrap.Spec(ShellAgent.Type($"ready; released; rm /run/agent/s; ln -s {path} /run/agent/s; echo >/workspace/runs; released"));
        var agent = await _bubblewrap.NewKernel().StartAsync(after, Cancellation);
        _bubblewrap.Release(after);
        await Waiting.ForAsync(_bubblewrap.RunsAsync(after), "the link", () => "");
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var refused = await Assert.ThrowsAsync<SocketException>(async () => await client.ConnectAsync(new UnixDomainSocketEndPoint(agent.Endpoint.UnixSocket!), Cancellation));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode); // the agent's own, where nobody listens
        await agent.StopAsync(Grace);
    }

    [Theory]
    [InlineData("head -c 3145728 /dev/zero >/workspace/large")]
    [InlineData("mkdir -p /workspace/a/b; for i in 1 2 3; do head -c 1048576 /dev/zero >/workspace/a/b/$i; done")]
    public async Task Workspace_BeyondItsLimit_EndsTheAgentAndSaysSo(string fill)
    {
        var spec = _bubblewrap.Spec(ShellAgent.Type($"ready; released; {fill}; released")) with { Resources = new() { DiskBytes = 2 * 1024 * 1024 } };
        var agent = await _bubblewrap.NewKernel().StartAsync(spec, Cancellation);
        _bubblewrap.Release(spec);
        var end = await Waiting.ForAsync(agent.Completion, "the end", () => "");
        Assert.Equal("was killed when its workspace had outgrown its limit of 2 MiB of disk", end.Describe());
        Assert.Empty(_bubblewrap.Leftovers(spec));
    }

    [Fact]
    public async Task Workspace_WithinItsLimit_IsLeftAlone()
    {
        var spec = _bubblewrap.Spec(ShellAgent.Type("head -c 1048576 /dev/zero >/workspace/small; ln -s /usr /workspace/usr; ready; released; exit 5")) with { Resources = new() { DiskBytes = 2 * 1024 * 1024 } };
        var agent = await _bubblewrap.NewKernel().StartAsync(spec, Cancellation);
        _bubblewrap.Release(spec);
        Assert.Equal("exited with code 5", (await Waiting.ForAsync(agent.Completion, "the end", () => "")).Describe());
    }

    [Fact]
    public async Task Kill_OfBubblewrapItself_TakesTheSandboxWithIt()
    {
        var spec = _bubblewrap.Spec(ShellAgent.Type(Behaviour.LeavesChildren));
        var agent = await _bubblewrap.NewKernel().StartAsync(spec, Cancellation);
        var inside = int.Parse(agent.Status["pid"], CultureInfo.InvariantCulture);
        _ = NativeMethods.Kill(ProcessStat.Read(inside)!.Value.Parent, NativeMethods.SigKill);
        var end = await Waiting.ForAsync(agent.Completion, "the end", () => string.Join('\n', _bubblewrap.Leftovers(spec)));
        Assert.Equal((null, 9, null), (end.Code, end.Signal, end.Leftover));
        Assert.Null(ProcessIdentity.Of(inside));
        Assert.Empty(_bubblewrap.Leftovers(spec));
    }

    [Fact]
    public async Task Reattach_AfterTheEndOfBubblewrap_EndsTheSandbox()
    {
        var spec = _bubblewrap.Spec(ShellAgent.Type("ready; released")) with { };
        var agent = await _bubblewrap.NewKernel().StartAsync(spec, Cancellation);
        var saved = agent.SavedState.Clone();
        var again = await _bubblewrap.NewKernel().ReattachAsync(spec, saved, Cancellation);
        var inside = int.Parse(again!.Status["pid"], CultureInfo.InvariantCulture);
        Assert.Equal(agent.Status["pid"], again.Status["pid"]);
        _ = NativeMethods.Kill(ProcessStat.Read(inside)!.Value.Parent, NativeMethods.SigKill);
        await Waiting.ForAsync(again.Completion, "the end", () => string.Join('\n', _bubblewrap.Leftovers(spec)));
        Assert.Null(ProcessIdentity.Of(inside));
    }

    [Fact]
    public async Task Start_WithACommandThatIsMissing_SaysWhichAndWhy()
    {
        var type = new AgentType { Name = "broken", Command = ["no-such-program"], Ready = AgentReadiness.Notify };
        var missing = await Assert.ThrowsAsync<AgentStartException>(() => _bubblewrap.NewKernel().StartAsync(_bubblewrap.Spec(type), Cancellation));
        Assert.Equal("agent type 'broken' is started with 'no-such-program', and it is not on PATH", missing.Message);
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
