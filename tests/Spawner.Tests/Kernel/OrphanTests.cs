using AgentKernel.Contracts.V1;
using AgentKernel.Spawner.Limits;
using AgentKernel.Spawner.Processes;
using AgentKernel.Spawner.Tests.Backends;

namespace AgentKernel.Spawner.Tests.Kernel;

/// <summary>What belongs to no record when a kernel starts, and must not stay.</summary>
public sealed class OrphanTests : IDisposable
{
    private readonly TemporaryHome _home = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task Agent_WhoseFolderIsGone_IsEndedWithAllItHas()
    {
        var (lost, kept) = await LeaveTwoAsync();
        Assert.Contains(_home.Leftovers(lost), left => left.EndsWith(".sock", StringComparison.Ordinal));
        Directory.Delete(_home.AgentFolder(lost), recursive: true);

        await using var next = await StartAsync();
        Assert.Empty(_home.Leftovers(lost));
        Assert.Equal(kept, Assert.Single(await next.ListAsync()).Id);
        Assert.True((await next.GetAsync(kept)).Live);
        Assert.Contains(next.Log, line => line.Contains(lost, StringComparison.Ordinal) && line.StartsWith("Warning", StringComparison.Ordinal));
        Assert.DoesNotContain(next.Log, line => line.Contains(kept, StringComparison.Ordinal) && line.StartsWith("Warning", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Agents_OfAKernelWithAnotherDataDirectory_AreLeftAlone()
    {
        using var other = new TemporaryHome();
        await using var neighbour = await TestKernel.StartAsync(other, types: Type);
        var id = (await neighbour.SpawnAsync("shell")).Agent.Id;
        await using (await StartAsync())
        {
            Assert.True((await neighbour.GetAsync(id)).Live);
        }

        Assert.True((await neighbour.GetAsync(id)).Live);
    }

    [Fact]
    public async Task SocketsAndGroups_OfNoRecord_AreRemovedAndOtherFilesStay()
    {
        var (_, kept) = await LeaveTwoAsync();
        var socket = Path.Combine(_home.SocketFolder, "0123456789ab.sock");
        var folder = Path.Combine(_home.SocketFolder, "0123456789ac");
        var foreign = Path.Combine(_home.SocketFolder, "notes");
        await File.WriteAllTextAsync(socket, "", Cancellation);
        await File.WriteAllTextAsync(foreign, "", Cancellation);
        Directory.CreateDirectory(folder);
        var stray = Guid.NewGuid().ToString();
        using (var home = new LockedDataDirectory(_home.Directory))
        {
            using var limiter = new ResourceLimiter(home); // as a kernel leaves it that is killed between making and joining
            limiter.Create(new() { AgentId = stray, Name = "stray", Type = Type, Folder = "", Config = [], StartTimeout = TimeSpan.Zero }, ownUser: false);
        }

        await using var next = await StartAsync();
        Assert.Equal((false, false, true), (File.Exists(socket), Directory.Exists(folder), File.Exists(foreign)));
        Assert.Empty(_home.Leftovers(stray));
        Assert.True((await next.GetAsync(kept)).Live);
    }

    [Fact]
    public async Task Agent_InStateZ_CountsAsGoneAndIsToldWithItsExitCode()
    {
        var type = ShellAgent.Type("mkfifo go; exec 3<>go; ready; read x <&3; exit 6");
        string id;
        // The shims are children of this process, which reaps none of them while no kernel watches: they stay in state Z.
        await using (var first = await TestKernel.StartAsync(_home, types: type))
        {
            id = (await first.SpawnAsync("shell")).Agent.Id;
            first.Options.KeepAgents = true;
        }

        var members = new ProcessTree(0, id).Members();
        using (var go = new FileStream(Path.Combine(_home.AgentFolder(id), "workspace", "go"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0))
        {
            await go.WriteAsync("\n"u8.ToArray(), Cancellation);
        }

        Assert.True(SpinWait.SpinUntil(() => members.All(pid => ProcessStat.Read(pid) is null or { IsGone: true }), TimeSpan.FromSeconds(60)), "the shim did not end");
        Assert.Contains(members, pid => ProcessStat.Read(pid) is { State: 'Z' });
        await using var second = await TestKernel.StartAsync(_home, types: type);
        await using var news = await second.WatchAsync();
        var end = news.Snapshot.Single() is { State: AgentState.Failed } told ? told : await news.UntilAsync(AgentState.Failed, id);
        Assert.Equal((6, "its program exited with code 6"), (end.Exit.Code, end.Exit.Reason));
    }

    private static AgentTypes.AgentType Type => ShellAgent.Type("perl -MSocket -e 'socket(L, AF_UNIX, SOCK_STREAM, 0); bind(L, sockaddr_un($ARGV[0]))' \"$(sed 's/.*\"unix_socket\":\"\\([^\"]*\\)\".*/\\1/' ../config.json)\"; ready; exec sleep 1000");

    private async Task<(string Lost, string Kept)> LeaveTwoAsync()
    {
        await using var first = await StartAsync();
        first.Options.KeepAgents = true;
        return ((await first.SpawnAsync("shell")).Agent.Id, (await first.SpawnAsync("shell")).Agent.Id);
    }

    private Task<TestKernel> StartAsync() => TestKernel.StartAsync(_home, types: Type);
}
