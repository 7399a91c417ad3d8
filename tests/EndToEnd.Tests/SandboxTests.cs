using System.Net;
using System.Net.Sockets;
using AgentKernel.Client;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>Agents in sandboxes, as a user has them.</summary>
public sealed class SandboxTests
{
    private const string Key = "sk-ant-test-of-the-sandbox";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Demo_OnBubblewrap_RunsAndCleansUp()
    {
        SandboxFixture.Require();
        var run = (await ProgramRun.RunAsync(Repository.Cli, ["demo", "simple-agent", "--backend", "bwrap"])).Succeeded();

        Assert.Contains($"Linux {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}", run.Output, StringComparison.Ordinal); // what the tool printed
        Assert.Contains("Its workspace is gone.", run.Output, StringComparison.Ordinal);
        Assert.Empty(run.Error);
    }

    [Fact]
    public async Task Keys_OfTheHost_AreNowhereInTheSandbox()
    {
        SandboxFixture.Require();
        await using var kernel = await RunningKernel.StartAsync(environment: new Dictionary<string, string> { ["LLM_API_KEY"] = Key, ["OPENAI_API_KEY"] = Key }, arguments: ["--backend", "bwrap"]);
        var agent = await kernel.SpawnAsync(change: request => request.ModelAccess = new() { Credential = Key });

        var seen = await kernel.Client.AskAsync(agent, "run: cat /run/config.json; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'; env; grep -rsl sk-ant-test-of / --exclude-dir=usr --exclude-dir=proc --exclude-dir=dev; echo scanned", Cancelled);

        Assert.Contains(agent.Id, seen, StringComparison.Ordinal); // the configuration was read
        Assert.DoesNotContain(Key, seen, StringComparison.Ordinal);
        Assert.DoesNotContain(Key, kernel.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Kernel_KilledAndStartedAnew_LeadsItsAgentToItsModelAgain()
    {
        SandboxFixture.Require();
        using var model = new TcpListener(IPAddress.Loopback, 0);
        model.Start();
        OwnedAgent agent;
        string home;
        await using (var first = await RunningKernel.StartAsync(home: RunningKernel.NewHome(), arguments: ["--backend", "bwrap"]))
        {
            home = first.Home;
            agent = await first.Client.Spawner.SpawnAsync(
                new() { Name = "lasting", ModelAccess = new() { Provider = "anthropic", Endpoint = $"http://{model.LocalEndpoint}", Credential = Key } }, Cancelled);
            await first.EndAsync("KILL");
        }

        await using (var second = await RunningKernel.StartAsync(home: home, arguments: ["--backend", "bwrap"]))
        {
            var turn = second.Client.Agents.TurnAsync(agent, "are you there", Cancelled).FirstAsync(Cancelled);
            using var connection = await model.AcceptTcpClientAsync(Cancelled);
            await using var stream = connection.GetStream();
            Assert.Contains(Key, await ModelTests.ReadUntilAsync(stream, "are you there"), StringComparison.Ordinal);
            await ModelTests.BeginAnswerAsync(stream, "here");
            Assert.Equal("here", (await turn).Body);
            Assert.DoesNotContain(Key, second.Log, StringComparison.Ordinal);
            await second.Client.Spawner.KillAsync(agent, Cancelled);
        }

        Directory.Delete(home, recursive: true);
    }
}
