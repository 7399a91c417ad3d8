using System.Text;
using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.Spawner.Processes;
using AgentKernel.Spawner.Tests.Backends;

namespace AgentKernel.Spawner.Tests.Kernel;

/// <summary>Agents that outlive their kernel, with real processes: the next kernel on the same data directory takes them up.</summary>
public sealed class RestartTests : IDisposable
{
    // Released by a FIFO in its workspace, which it makes itself.
    private const string Wait = "mkfifo go; exec 3<>go; echo up; ready; read x <&3; echo released; read x <&3; echo bye; exit 3";

    private readonly TemporaryHome _home = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task Agent_ThatRunsOn_IsTheSameToTheNextKernel()
    {
        SpawnAgentResponse spawned;
        await using (var first = await StartAsync())
        {
            await first.CreateTeamAsync("red", 2);
            spawned = await first.SpawnAsync("shell", "red");
            first.Options.KeepAgents = true;
        }

        Release(spawned.Agent.Id); // with no kernel about
        await using var second = await StartAsync();
        var again = await second.GetAsync(spawned.Agent.Id);
        Assert.Equal((AgentState.Idle, true, spawned.Agent.BackendStatus["pid"]), (again.State, again.Live, again.BackendStatus["pid"]));
        Assert.Equal(1, (await second.UsedAsync("red")).Agents);
        var resolved = await second.Service.CallAsync(AgentSpawnerMethods.ResolveAgent, new() { AgentId = again.Id, Nonce = spawned.Nonce }, cancellationToken: Cancellation);
        Assert.Equal(43, resolved.ChannelToken.Length);
        await using var log = second.Anyone.StreamAsync(
            AgentSpawnerMethods.ReadAgentLog, new() { AgentId = again.Id, Nonce = spawned.Nonce, Follow = true }, cancellationToken: Cancellation).GetAsyncEnumerator(Cancellation);
        var seen = "";
        while (seen != "up\nreleased\n")
        {
            Assert.True(await Waiting.ForAsync(log.MoveNextAsync().AsTask(), "what it printed meanwhile", () => seen));
            seen += log.Current.Data.ToStringUtf8();
        }

        await using var news = await second.WatchAsync();
        Release(spawned.Agent.Id);
        var end = await news.UntilAsync(AgentState.Failed, again.Id);
        Assert.Equal(3, end.Exit.Code);
        Assert.Equal(0, (await second.UsedAsync("red")).Agents);
    }

    [Fact]
    public async Task Agent_ThatEndsWithNoKernelAbout_IsToldWithItsExitCode()
    {
        string id;
        using var watcher = new ProcessExitWatcher();
        await using (var first = await StartAsync())
        {
            id = (await first.SpawnAsync("shell")).Agent.Id;
            first.Options.KeepAgents = true;
        }

        var ends = new ProcessTree(0, id).Members().Select(watcher.WatchAsync).ToList();
        Release(id);
        Release(id);
        await Waiting.ForAsync(Task.WhenAll(ends), "the end of agent and shim", () => string.Join('\n', _home.Leftovers(id)));
        await using (var second = await StartAsync())
        {
            await using var news = await second.WatchAsync();
            var end = news.Snapshot.Single() is { State: AgentState.Failed } told ? told : await news.UntilAsync(AgentState.Failed, id);
            Assert.Equal((3, "its program exited with code 3", "up\nreleased\nbye"), (end.Exit.Code, end.Exit.Reason, end.Exit.OutputTail));
        }

        // Its record and its log are there for the next one still.
        await using var third = await StartAsync();
        Assert.Equal(3, (await third.GetAsync(id)).Exit.Code);
        var log = new StringBuilder();
        await foreach (var piece in third.Operator.StreamAsync(AgentSpawnerMethods.ReadAgentLog, new() { AgentId = id, Follow = true }, cancellationToken: Cancellation))
        {
            log.Append(piece.Data.ToStringUtf8());
        }

        Assert.Equal("up\nreleased\nbye\n", log.ToString());
    }

    [Fact]
    public async Task Secret_FromTheRequestsEnvironment_IsStruckOutByTheNextKernelToo()
    {
        const string secret = "hunter2-hunter2";
        var type = ShellAgent.Type("mkfifo go; exec 3<>go; ready; read x <&3; echo \"with $DB_PASSWORD\"; exit 3");
        string id;
        await using (var first = await TestKernel.StartAsync(_home, types: type))
        {
            id = (await first.SpawnAsync("shell", adjust: request => request.Env["DB_PASSWORD"] = secret)).Agent.Id;
            first.Options.KeepAgents = true;
        }

        var kept = Assert.Single(Directory.GetFiles(_home.AgentFolder(id), "request.bin"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(kept));
        await using (var second = await TestKernel.StartAsync(_home, types: type))
        {
            await using var news = await second.WatchAsync();
            Release(id);
            Assert.Equal("with [redacted]", (await news.UntilAsync(AgentState.Failed, id)).Exit.OutputTail);
        }

        Assert.False(File.Exists(kept));
    }

    [Fact]
    public async Task Revision_AfterARestart_IsLaterThanAnyBefore()
    {
        SpawnAgentResponse spawned;
        long before;
        await using (var first = await StartAsync())
        {
            spawned = await first.SpawnAsync("shell");
            foreach (var running in new[] { true, false, true })
            {
                await first.Service.CallAsync(
                    AgentSpawnerMethods.ReportActivity, new() { Activities = { new AgentActivity { AgentId = spawned.Agent.Id, TurnRunning = running } } }, cancellationToken: Cancellation);
            }

            before = (await first.GetAsync(spawned.Agent.Id)).Revision;
            first.Options.KeepAgents = true;
        }

        await using var second = await StartAsync();
        Assert.InRange((await second.GetAsync(spawned.Agent.Id)).Revision, before + 1, long.MaxValue);
    }

    [Fact]
    public async Task Start_CutShortByTheEndOfTheKernel_IsRemovedByTheNext()
    {
        string id;
        await using (var first = await StartAsync())
        {
            id = (await first.SpawnAsync("shell")).Agent.Id;
            first.Options.KeepAgents = true;
        }

        // As a kernel leaves it that is killed while the agent starts.
        File.Delete(Path.Combine(_home.AgentFolder(id), "record.json"));
        Assert.NotEmpty(new ProcessTree(0, id).Members());
        await using var second = await StartAsync();
        Assert.Empty(_home.Leftovers(id));
        Assert.Empty(await second.ListAsync());
    }

    [Theory]
    [InlineData("config.json", "{\"a\":1,\"a\":")]
    [InlineData("config.json", "{\"a\":1,\"a\":2}")]
    [InlineData("request.bin", "no message")]
    public async Task Kernel_OverWhatAnAgentSpoilt_StartsAllTheSame(string file, string content)
    {
        string id;
        await using (var first = await StartAsync())
        {
            id = (await first.SpawnAsync("shell")).Agent.Id;
            first.Options.KeepAgents = true;
        }

        await File.WriteAllTextAsync(Path.Combine(_home.AgentFolder(id), file), content, Cancellation);
        Directory.CreateDirectory(_home.Directory.Combine("agents", "stray"));
        await using var second = await StartAsync();
        Assert.True((await second.GetAsync(id)).Live);
        await second.KillAsync(id);
        Assert.Empty(_home.Leftovers(id));
    }

    [Fact]
    public async Task SecondKernel_OnTheSameHome_IsRefused()
    {
        await using var first = await StartAsync();
        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(StartAsync);
        Assert.Contains("another kernel runs on the data directory", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nonce_OfAnAgent_IsNowhere()
    {
        await using var kernel = await StartAsync();
        await using var news = await kernel.WatchAsync();
        var spawned = await kernel.SpawnAsync("shell", adjust: request => request.Metadata["k"] = "v");
        var nonce = spawned.Nonce;
        await kernel.Service.CallAsync(AgentSpawnerMethods.ResolveAgent, new() { AgentId = spawned.Agent.Id, Nonce = nonce }, cancellationToken: Cancellation);
        var listed = string.Concat(await kernel.ListAsync()) + await kernel.GetAsync(spawned.Agent.Id);
        Release(spawned.Agent.Id);

        var places = Directory.EnumerateFiles(_home.Path, "*", SearchOption.AllDirectories).Where(path => !IsSpecial(path))
            .Concat(Directory.EnumerateDirectories("/proc").SelectMany(process => new[] { Path.Combine(process, "environ"), Path.Combine(process, "cmdline") }).Where(File.Exists)).ToList();
        Assert.Contains(places, place => Holds(place, spawned.Agent.Id) && place.EndsWith("record.json", StringComparison.Ordinal));
        Assert.Contains(places, place => Holds(place, spawned.Agent.Id) && place.EndsWith("environ", StringComparison.Ordinal));
        Assert.Contains(places, place => Holds(place, spawned.Agent.Id) && place.EndsWith("cmdline", StringComparison.Ordinal));
        Assert.All(places, place => Assert.False(Holds(place, nonce), place));
        Assert.DoesNotContain(nonce, listed + spawned.Agent, StringComparison.Ordinal);
        await kernel.KillAsync(spawned.Agent.Id);
        await news.UntilAsync(AgentState.Stopped, spawned.Agent.Id);
        Assert.DoesNotContain(nonce, string.Concat(news.Seen), StringComparison.Ordinal);
        Assert.DoesNotContain(kernel.Log, line => line.Contains(nonce, StringComparison.Ordinal));

        static bool Holds(string place, string text)
        {
            try
            {
                return File.ReadAllBytes(place).AsSpan().IndexOf(Encoding.ASCII.GetBytes(text)) >= 0;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                return false; // a process that has ended, or another user's
            }
        }

        bool IsSpecial(string path) => path.StartsWith(_home.SocketFolder, StringComparison.Ordinal) || Path.GetFileName(path) is "go" or "kernel.lock";
    }

    private Task<TestKernel> StartAsync() => TestKernel.StartAsync(_home, types: ShellAgent.Type(Wait));

    private void Release(string id)
    {
        using var go = new FileStream(Path.Combine(_home.AgentFolder(id), "workspace", "go"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        go.Write("\n"u8);
    }
}
