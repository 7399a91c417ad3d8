using System.Text.Json.Nodes;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;
using AgentKernel.Rpc;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>An agent's bus, from its spawn to after its end. The agent's part is played with the token that its config holds.</summary>
public abstract class BusTests(IKernelFixture fixture)
{
    private readonly ITestKernel _kernel = fixture.Kernel;

    [Fact]
    public async Task Agent_WithABus_IsJudgedOnItAndItsLogStaysWhenItIsKilled()
    {
        var id = await SpawnAsync("watched", "--bus");
        var config = ConfigOf(id);
        Assert.Equal(($"watched.{id}", false), ((string)config["agentbus_id"]!, (bool)config["disable_safety"]!));
        using var channel = ChannelOf(config);

        var harmless = await IntendAsync(channel, config, "ls -la");
        Assert.NotNull((await DecisionAsync(channel, config, harmless)).Commit);
        var harmful = await IntendAsync(channel, config, "rm -rf / --no-preserve-root");
        Assert.NotNull((await DecisionAsync(channel, config, harmful)).Abort);

        var shown = (await _kernel.CliAsync("bus", "show", "watched")).Succeeded().Output;
        Assert.Contains("rm -rf /", shown, StringComparison.Ordinal);
        Assert.Contains("rules: no", shown, StringComparison.Ordinal);
        Assert.Contains("outcome unknown", shown, StringComparison.Ordinal);
        Assert.Contains("abort", (await _kernel.CliAsync("bus", "poll", "watched", "--kind", "abort")).Succeeded().Output, StringComparison.Ordinal);
        Assert.Contains($"watched.{id}", (await _kernel.CliAsync("bus", "list")).Succeeded().Output, StringComparison.Ordinal);

        (await _kernel.CliAsync("kill", "watched")).Succeeded();
        var lines = (await _kernel.CliAsync("bus", "export", $"watched.{id}")).Succeeded().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(7, lines.Length); // the policy; two intentions, votes and decisions
        Assert.All(lines, line => Assert.NotNull(JsonNode.Parse(line)!["payload"]));
        Assert.DoesNotContain((string)config["agentbus_token"]!, _kernel.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Human_WhoIsAsked_ApprovesAndDeniesFromTheCommandLine()
    {
        var id = await SpawnAsync("asking", "--bus");
        var bus = $"asking.{id}";
        await _kernel.Client.Buses.AppendAsync(bus, new() { Control = new() { BaseEngineControl = new() { PolicyBatch = new() { ExpectedCurrentVersion = 1, NewVersion = 2, VoterOps = { ["rules"] = new() { Remove = new() } } } } } }, TestContext.Current.CancellationToken);
        var config = ConfigOf(id);
        using var channel = ChannelOf(config);
        var (first, second) = (await IntendAsync(channel, config, "make deploy"), await IntendAsync(channel, config, "make clean \u001b[2J"));

        Assert.Contains("make deploy", (await _kernel.CliAsync("bus", "pending")).Succeeded().Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", (await _kernel.CliAsync("bus", "pending")).Succeeded().Output, StringComparison.Ordinal);
        (await _kernel.CliAsync("bus", "approve", "asking", $"{first}", "--reason", "it is time")).Succeeded();
        (await _kernel.CliAsync("bus", "deny", "asking", $"{second}")).Succeeded();

        Assert.Contains("it is time", (await DecisionAsync(channel, config, first)).Commit.Reason, StringComparison.Ordinal);
        Assert.NotNull((await DecisionAsync(channel, config, second)).Abort);
        Assert.Equal(2, (await _kernel.CliAsync("bus", "approve", "asking", "0")).ExitCode); // the policy is no intention
    }

    [Fact]
    public async Task Agent_WithSafetyDisabled_SaysSo()
    {
        var id = await SpawnAsync("free", "--bus", "--disable-safety");

        Assert.True((await _kernel.Client.Spawner.GetAsync(id, TestContext.Current.CancellationToken)).Agentbus.DisableSafety);
        Assert.Contains("safety off", (await _kernel.CliAsync("bus", "list")).Succeeded().Output, StringComparison.Ordinal);
    }

    private async Task<string> SpawnAsync(string name, params string[] arguments) =>
        (string)JsonNode.Parse((await _kernel.CliAsync(["spawn", name, "--type", "shout", "--json", .. arguments])).Succeeded().Output)!["id"]!;

    // What the agent's program was started with.
    private JsonNode ConfigOf(string id) => Directory.EnumerateFiles(Path.Combine(_kernel.Home, "agents", id), "*.json").Select(File.ReadAllText)
        .Where(text => text.Contains("agentbus_token", StringComparison.Ordinal))
        .Select(text => JsonNode.Parse(text)!).Single(config => config["agentbus_token"] is not null);

    private static RpcChannel ChannelOf(JsonNode config) =>
        new(new Uri(((string)config["agentbus_url"]!).Replace("remote://", "http://", StringComparison.Ordinal)), new() { BearerToken = (string)config["agentbus_token"]! });

    private static async Task<long> IntendAsync(RpcChannel channel, JsonNode config, string command)
    {
        var call = new ToolCallIntention("bash", System.Text.Json.JsonSerializer.SerializeToElement(new { command }), "1", "/work", "/home/agent", "/work");
        return (await channel.CallAsync(AgentBusMethods.Append, new AppendRequest { AgentBusId = (string)config["agentbus_id"]!, Payload = new() { Intention = new() { StringIntention = call.ToJson() } } }, cancellationToken: TestContext.Current.CancellationToken)).LogPosition;
    }

    private static async Task<Payload> DecisionAsync(RpcChannel channel, JsonNode config, long intention)
    {
        var request = new BlockingPollRequest { AgentBusId = (string)config["agentbus_id"]!, StartLogPosition = intention, MaxEntries = 10, TimeoutMs = 30_000, Filter = new() { PayloadTypes = { SelectivePollType.Commit, SelectivePollType.Abort } } };
        while (true)
        {
            var page = await channel.CallAsync(AgentBusMethods.BlockingPoll, request, cancellationToken: TestContext.Current.CancellationToken);
            if (page.Entries.Select(entry => entry.Payload).FirstOrDefault(payload => (payload.Commit?.IntentionId ?? payload.Abort.IntentionId) == intention) is { } decision)
            {
                return decision;
            }

            Assert.NotEmpty(page.Entries); // nothing in 30 s
            request.StartLogPosition = page.NextStartPosition;
        }
    }
}

public sealed class BusTestsInOneProcess(KernelFixture fixture) : BusTests(fixture), IClassFixture<KernelFixture>;

public sealed class BusTestsOfServices(ServicesFixture fixture) : BusTests(fixture), IClassFixture<ServicesFixture>;
