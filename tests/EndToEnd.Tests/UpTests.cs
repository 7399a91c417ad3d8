using System.Globalization;
using AgentKernel.Client;
using AgentKernel.Rpc;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>The kernel's own life: start, stop, crash, and what becomes of its agents.</summary>
public sealed class UpTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Up_WhenAsked_EndsWithAllItsAgents()
    {
        var home = RunningKernel.NewHome();
        await using var kernel = await RunningKernel.StartAsync(home);
        var agent = await kernel.SpawnAsync();
        var pid = PidOf(agent);

        Assert.Equal(0, await kernel.EndAsync("INT"));

        Assert.False(Directory.Exists($"/proc/{pid}"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(home, "agents")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(home, "run")));
        Assert.False(File.Exists(Path.Combine(home, "endpoints.json")));
        Directory.Delete(home, recursive: true);
    }

    [Theory]
    [InlineData("TERM", "--keep")]
    [InlineData("KILL", "--keep")]
    [InlineData("KILL", "--debug")]
    public async Task Agent_AfterTheKernelEnded_GoesOnWithItsConversation(string signal, string option)
    {
        var home = RunningKernel.NewHome();
        OwnedAgent agent;
        await using (var first = await RunningKernel.StartAsync(home, null, option))
        {
            agent = await first.SpawnAsync();
            Assert.Equal("before", await first.Client.AskAsync(agent, "before", Cancelled));
            await first.EndAsync(signal);
        }

        Assert.True(Directory.Exists($"/proc/{PidOf(agent)}"));
        await using (var second = await RunningKernel.StartAsync(home))
        {
            Assert.Equal("after", await second.Client.AskAsync(agent, "after", Cancelled));
            Assert.Equal(["before", "before", "after", "after"], (await second.Client.Agents.GetHistoryAsync(agent, cancellationToken: Cancelled)).Select(entry => entry.Content));
        }

        Assert.False(Directory.Exists($"/proc/{PidOf(agent)}"));
        Directory.Delete(home, recursive: true);
    }

    [Fact]
    public async Task Up_OnADataDirectoryInUse_IsRefused()
    {
        await using var kernel = await RunningKernel.StartAsync();

        var second = await ProgramRun.RunAsync(Repository.Cli, ["up", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--home", kernel.Home]);

        Assert.Equal(1, second.ExitCode);
        Assert.Contains("another kernel runs on the data directory", second.Error, StringComparison.Ordinal);
        Assert.Empty((await kernel.Client.StatusAsync(Cancelled)).Agents); // the first goes on
    }

    [Fact]
    public async Task Up_WithATurnRunning_EndsTheTurnWithAnError()
    {
        await using var kernel = await RunningKernel.StartAsync();
        var agent = await kernel.SpawnAsync(spawnInfo: """{"scripted_delay_ms": 20}""");
        var ending = Task.CompletedTask;
        string? error = null;
        var done = false;

        await foreach (var piece in kernel.Client.Agents.TurnAsync(agent, string.Concat(Enumerable.Repeat("word ", 10_000)), Cancelled))
        {
            ending = ending.IsCompleted && error is null && !done ? kernel.EndAsync() : ending;
            error = piece.Error.Length > 0 ? piece.Error : error;
            done = piece.Done;
        }

        Assert.NotNull(error);
        Assert.True(done);
        await ending;
    }

    [Fact]
    public async Task Up_WithSomeoneWatching_EndsAtOnceAndTellsThem()
    {
        await using var kernel = await RunningKernel.StartAsync();
        await using var news = kernel.Client.Spawner.WatchAsync(cancellationToken: Cancelled).GetAsyncEnumerator(Cancelled);
        Assert.True(await news.MoveNextAsync());
        var next = news.MoveNextAsync();

        Assert.Equal(0, await kernel.EndAsync().WaitAsync(TimeSpan.FromSeconds(20), Cancelled)); // the host's own limit is 30 s

        Assert.Equal(RpcStatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(async () => await next)).Code);
    }

    [Theory]
    [InlineData("--http", "nonsense")]
    [InlineData("--grpc", "127.0.0.1")]
    [InlineData("--backend", "spaceship")]
    public async Task Up_WithBadSettings_SaysWhichAndLeavesNothing(string option, string value)
    {
        var home = RunningKernel.NewHome();

        var run = await ProgramRun.RunAsync(Repository.Cli, ["up", option, value, "--home", home]);

        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains(value, run.Error, StringComparison.Ordinal);
        Directory.Delete(home, recursive: true);
    }

    private static int PidOf(OwnedAgent agent) => int.Parse(agent.Agent.BackendStatus["pid"], CultureInfo.InvariantCulture);
}
