using System.Text.Json.Nodes;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>The commands, as a user types them.</summary>
public abstract class CommandTests(IKernelFixture fixture)
{
    private readonly ITestKernel _kernel = fixture.Kernel;

    [Fact]
    public async Task Agent_FromSpawnToKill_GoesThroughAllCommands()
    {
        var spawned = JsonNode.Parse((await _kernel.CliAsync("spawn", "walker", "--provider", "scripted", "--label", "role=guide", "--json")).Succeeded().Output)!;
        var id = (string)spawned["id"]!;

        var answer = (await _kernel.CliAsync("ask", "walker", "one two three")).Succeeded();
        Assert.Equal("one two three\n", answer.Output);

        var byPrefix = (await _kernel.CliAsync("ask", id[..13], "run: echo from-the-tool")).Succeeded();
        Assert.Contains("from-the-tool", byPrefix.Output, StringComparison.Ordinal);

        var chat = (await ProgramRun.RunAsync(Repository.Cli, ["chat", "walker", "--home", _kernel.Home], _kernel.Environment, input: "first line\nsecond line\n/exit\nnot said\n")).Succeeded();
        Assert.Equal("first line\nsecond line\n", chat.Output);

        var history = JsonNode.Parse((await _kernel.CliAsync("history", "walker", "--last", "2", "--json")).Succeeded().Output)!["entries"]!.AsArray();
        Assert.Equal(["user", "assistant"], history.Select(entry => (string)entry!["role"]!));
        Assert.Equal("second line", (string)history[1]!["content"]!);

        var info = JsonNode.Parse((await _kernel.CliAsync("info", "walker", "--json")).Succeeded().Output)!;
        Assert.EndsWith($"{id}/workspace", (string)info["cwd"]!, StringComparison.Ordinal);

        var tools = (await _kernel.CliAsync("control", "walker", "list_tools")).Succeeded();
        Assert.Contains("bash", tools.Output, StringComparison.Ordinal);

        var status = JsonNode.Parse((await _kernel.CliAsync("status", "--json")).Succeeded().Output)!["agents"]!.AsArray();
        var listed = Assert.Single(status, agent => (string)agent!["id"]! == id)!;
        Assert.True((bool)listed["live"]!);
        Assert.Equal("guide", (string)listed["metadata"]!["role"]!);

        (await _kernel.CliAsync("logs", "walker")).Succeeded();
        var killed = (await _kernel.CliAsync("kill", "walker")).Succeeded();
        Assert.Contains("stopped", killed.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_kernel.Home, "agents", id)));
    }

    [Fact]
    public async Task Spawn_OfAnAgentTypeInNode_NeedsConfigurationAlone()
    {
        (await _kernel.CliAsync("spawn", "loud", "--type", "shout", "--spawn-info", """{"greeting": "hey"}""")).Succeeded();

        Assert.Equal("HELLO THERE\n", (await _kernel.CliAsync("ask", "loud", "hello there")).Succeeded().Output);
        Assert.Equal("AGAIN\n", (await _kernel.CliAsync("ask", "loud", "again")).Succeeded().Output);
        var history = JsonNode.Parse((await _kernel.CliAsync("history", "loud", "--json")).Succeeded().Output)!["entries"]!.AsArray();
        Assert.Equal(4, history.Count);
        Assert.Contains("\"greeting\":\"hey\"", (await _kernel.CliAsync("info", "loud", "--json")).Succeeded().Output, StringComparison.Ordinal);
        (await _kernel.CliAsync("kill", "loud")).Succeeded();
    }

    [Fact]
    public async Task Team_WhenFull_RefusesAndSaysWhatIsFree()
    {
        (await _kernel.CliAsync("team", "create", "small", "--cpu", "1")).Succeeded();
        (await _kernel.CliAsync("spawn", "only", "--team", "small", "--provider", "scripted")).Succeeded();

        var refused = await _kernel.CliAsync("spawn", "second", "--team", "small", "--provider", "scripted");

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("team 'small' is full: 1 cpu wanted, 0 of 1 free", refused.Error, StringComparison.Ordinal);
        Assert.Contains("1 agents", (await _kernel.CliAsync("team", "delete", "small")).Succeeded().Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Spawn_WithLimits_TakesThemFromItsTeamAndStatusShowsIt()
    {
        (await _kernel.CliAsync("team", "create", "measured", "--memory", "512", "--pids", "300", "--agents", "2")).Succeeded();
        var spawned = (await _kernel.CliAsync(
            "spawn", "bounded", "--team", "measured", "--provider", "scripted", "--memory", "256", "--pids", "200", "--cpu", "0.5",
            "--restart", "2", "--restart-backoff", "0.5", "--idle-timeout", "3600", "--max-lifetime", "7200", "--host-network", "--json")).Succeeded();
        Assert.Equal("268435456", (string)JsonNode.Parse(spawned.Output)!["resources"]!["memory_bytes"]!);
        Assert.Equal("hello\n", (await _kernel.CliAsync("ask", "bounded", "hello")).Succeeded().Output);

        var team = Assert.Single(JsonNode.Parse((await _kernel.CliAsync("status", "--json")).Succeeded().Output)!["teams"]!.AsArray(), team => (string)team!["id"]! == "measured")!;
        Assert.Equal(("268435456", 200, 0.5), ((string)team["used"]!["memory_bytes"]!, (int)team["used"]!["pids"]!, (double)team["used"]!["cpu"]!));
        Assert.Matches(@"measured\s+0\.5\s+256 MiB of 512 MiB\s+200 of 300\s+1 of 2", (await _kernel.CliAsync("status")).Succeeded().Output);
        var refused = await _kernel.CliAsync("spawn", "second", "--team", "measured", "--provider", "scripted", "--memory", "257");
        Assert.Contains("bytes of memory wanted, 268435456 of 536870912 free", refused.Error, StringComparison.Ordinal);
        (await _kernel.CliAsync("team", "delete", "measured")).Succeeded();
    }

    [Theory]
    [InlineData(2, "--help", "ask")]
    [InlineData(2, "there is no agent 'nobody'", "ask", "nobody", "hi")]
    [InlineData(2, "name must be a DNS label", "spawn", "No_Label")]
    [InlineData(2, "agent_type: there is no agent type 'martian'", "spawn", "x", "--type", "martian")]
    [InlineData(2, "--spawn-info is not JSON", "spawn", "x", "--spawn-info", "{")]
    [InlineData(2, "was empty", "kill", "")]
    [InlineData(2, "--spawn-info is not JSON", "spawn", "x", "--spawn-info", """{"a":1,"a":2}""")]
    [InlineData(2, "--label is 'novalue'", "spawn", "x", "--label", "novalue")]
    [InlineData(2, "spawn_info.nonce is set by the kernel alone", "spawn", "x", "--spawn-info", """{"nonce":"mine"}""")]
    [InlineData(2, "resources.memory_bytes must be", "spawn", "x", "--memory", "1")]
    [InlineData(2, "idle_timeout must be", "spawn", "x", "--idle-timeout", "0")]
    [InlineData(2, "--max-lifetime is -1", "spawn", "x", "--max-lifetime=-1")]
    [InlineData(2, "--restart-backoff wants --restart", "spawn", "x", "--restart-backoff", "1")]
    [InlineData(2, "network.allow", "spawn", "x", "--allow", "example.com")]
    [InlineData(1, "there is no team 'nowhere'", "spawn", "x", "--team", "nowhere")]
    public async Task Command_WithBadInput_SaysWhatIsWrong(int exitCode, string expected, params string[] arguments)
    {
        var run = await _kernel.CliAsync(arguments);

        Assert.Equal(exitCode, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    [Fact]
    public async Task Name_OfTwoAgents_IsAUsageError()
    {
        (await _kernel.CliAsync("spawn", "twin", "--provider", "scripted")).Succeeded();
        (await _kernel.CliAsync("spawn", "twin", "--provider", "scripted")).Succeeded();

        var run = await _kernel.CliAsync("ask", "twin", "which?");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("'twin' is ambiguous", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Spawn_ManyAtOnce_KeepsEveryNonce()
    {
        var names = Enumerable.Range(0, 6).Select(number => $"crowd-{number}").ToList();
        await Task.WhenAll(names.Select(async name => (await _kernel.CliAsync("spawn", name, "--provider", "scripted")).Succeeded()));

        foreach (var name in names)
        {
            Assert.Equal($"I am {name}\n", (await _kernel.CliAsync("ask", name, $"I am {name}")).Succeeded().Output);
        }

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_kernel.Home, "credentials")));
        (await _kernel.CliAsync(["kill", .. names])).Succeeded();
    }

    [Fact]
    public async Task Credentials_WithADamagedLine_AreStillRead()
    {
        var agent = await _kernel.SpawnAsync("by-hand");
        await File.AppendAllTextAsync(Path.Combine(_kernel.Home, "credentials"), $$"""{"agent_id":"half a li{{"\n"}}{"agent_id":"{{agent.Id}}","nonce":"{{agent.Nonce}}"}{{"\n"}}""", TestContext.Current.CancellationToken);

        Assert.Equal("well?\n", (await _kernel.CliAsync("ask", "by-hand", "well?")).Succeeded().Output);
    }

    [Fact]
    public async Task Doctor_OnThisMachine_FindsAllItNeeds()
    {
        var run = (await _kernel.CliAsync("doctor", "--json")).Succeeded();

        var checks = JsonNode.Parse(run.Output)!["checks"]!.AsArray();
        Assert.All(checks, check => Assert.NotEqual("bad", (string)check!["verdict"]!));
        Assert.Contains("no isolation", (string)Assert.Single(checks, check => (string)check!["name"]! == "backend local")!["detail"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Command_WithoutAKernel_SaysHowToStartOne()
    {
        var home = RunningKernel.NewHome();
        try
        {
            var run = await ProgramRun.RunAsync(Repository.Cli, ["status", "--home", home]);

            Assert.Equal(1, run.ExitCode);
            Assert.Contains("start one with 'agentkernel up'", run.Error, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(home, recursive: true);
        }
    }
}

public sealed class CommandTestsInOneProcess(KernelFixture fixture) : CommandTests(fixture), IClassFixture<KernelFixture>;

public sealed class CommandTestsOfServices(ServicesFixture fixture) : CommandTests(fixture), IClassFixture<ServicesFixture>;
