using System.Globalization;
using AgentKernel.Contracts.V1;
using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Backends.Local;
using AgentKernel.Spawner.Limits;
using AgentKernel.Spawner.Processes;
using AgentKernel.Spawner.Tests.Backends;

namespace AgentKernel.Spawner.Tests.Limits;

/// <summary>What holds an agent, seen from its processes. What happens at the limits: <see cref="Kernel.LimitTests"/>.</summary>
public sealed class ResourceLimiterTests : IDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    private readonly TemporaryHome _home = new();
    private readonly ProcessExitWatcher _watcher = new();
    private readonly LockedDataDirectory _lock;

    public ResourceLimiterTests() => _lock = new(_home.Directory);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _watcher.Dispose();
        _lock.Dispose();
        _home.Dispose();
    }

    [Fact]
    public async Task Agent_WhereNoGroupsCanBeMade_IsHeldByLimitsOfEachProcess()
    {
        using var limiter = new ResourceLimiter(_lock, () => null);
        var spec = Spec(ShellAgent.Type("""ready; perl -e '$x = "x" x (200 << 20); print "took it"'; exit 3"""), new() { MemoryBytes = 64 << 20, Pids = 50 });
        var agent = await Backend(limiter).StartAsync(spec, Cancellation);
        var end = await Waiting.ForAsync(agent.Completion, "the end", () => ShimmedStart.Tail(spec));
        Assert.Equal((3, null), (end.Code, end.Limit));
        Assert.DoesNotContain("took it", end.OutputTail, StringComparison.Ordinal);
        Assert.Contains("Out of memory", end.OutputTail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Agent_InItsGroup_IsHeldToEachLimitOnceItIsReady()
    {
        using var limiter = RequireGroups();
        var spec = Spec(ShellAgent.Type("ready; exec sleep 1000"), new() { MemoryBytes = 64 << 20, Pids = 50, Cpu = 0.5 }) with { TeamId = "red", TeamResources = new() { Pids = 80 } };
        var agent = await Backend(limiter).StartAsync(spec, Cancellation);
        var groups = Directory.EnumerateDirectories("/sys/fs/cgroup", spec.AgentId, new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true }).ToList();
        Assert.All(groups, group => Assert.Contains(agent.Status["pid"], File.ReadAllLines(Path.Combine(group, "cgroup.procs"))));
        Assert.Equal("67108864", Setting(groups, "memory.max", "memory.limit_in_bytes"));
        Assert.Equal("50", Setting(groups, "pids.max"));
        Assert.Equal("80", Setting(groups.ConvertAll(group => Path.GetDirectoryName(group)!), "pids.max"));
        Assert.StartsWith("50000", Setting(groups, "cpu.max", "cpu.cfs_quota_us"), StringComparison.Ordinal);
        await agent.StopAsync(Grace);
        Assert.DoesNotContain(_home.Leftovers(spec.AgentId), left => left != spec.Folder);
    }

    [Fact]
    public async Task Process_ThatHidFromItsAgent_IsFoundByTheGroup()
    {
        using var limiter = RequireGroups();
        // Of another session and without the mark in its environment.
        var spec = Spec(ShellAgent.Type("setsid env -i sh -c 'echo $$ >hidden; exec sleep 1000' & while ! [ -s hidden ]; do :; done; ready; wait"), new());
        var agent = await Backend(limiter).StartAsync(spec, Cancellation);
        var hidden = int.Parse(await File.ReadAllTextAsync(Path.Combine(spec.Folder, "workspace", "hidden"), Cancellation), CultureInfo.InvariantCulture);
        Assert.NotNull(ProcessIdentity.Of(hidden));
        await agent.StopAsync(Grace);
        Assert.Null(ProcessIdentity.Of(hidden));
    }

    private static string? Setting(List<string> groups, params string[] names) =>
        groups.SelectMany(group => names.Select(name => Path.Combine(group, name))).Where(File.Exists).Select(file => File.ReadAllText(file).Trim()).FirstOrDefault();

    private ResourceLimiter RequireGroups()
    {
        var (held, detail) = ResourceLimiter.Probe();
        Assert.SkipUnless(held, detail);
        return new(_lock);
    }

    private LocalBackend Backend(ResourceLimiter limiter) => new(_lock, _watcher, limiter, TimeProvider.System);

    private AgentSpec Spec(AgentType type, Resources resources)
    {
        var id = Guid.NewGuid().ToString();
        ServiceDefaults.DataDirectory.CreateFolder(_home.AgentFolder(id));
        return new()
        {
            AgentId = id,
            Name = "tested",
            Type = type,
            Folder = _home.AgentFolder(id),
            Config = new() { ["agent_id"] = id },
            Resources = resources,
            StartTimeout = TimeSpan.FromSeconds(60),
        };
    }
}
