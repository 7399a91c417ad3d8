using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Backends.Bubblewrap;
using AgentKernel.Spawner.Backends.Local;
using AgentKernel.Spawner.Limits;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>A data directory, the backends of kernels that run on it one after the other, and specs of agents in sandboxes.</summary>
internal sealed class BubblewrapFixture : IAsyncDisposable
{
    private const string Secret = "a-secret-that-nobody-may-see";

    private readonly List<ProcessExitWatcher> _watchers = [];
    private readonly List<BubblewrapBackend> _kernels = [];
    private readonly Dictionary<string, (FileStream Release, FileStream Runs)> _fifos = [];
    private LockedDataDirectory? _lock;
    private ResourceLimiter? _limiter;

    /// <summary>What the backends have logged.</summary>
    public RecordedLog Log { get; } = new();

    public TemporaryHome Home { get; } = new();

    public BubblewrapBackend NewKernel()
    {
        _ = Machine.Program("bwrap");
        _watchers.Add(new ProcessExitWatcher());
        _kernels.Add(new(_lock ??= new(Home.Directory), _watchers[^1], _limiter ??= new(_lock), TimeProvider.System, Log));
        return _kernels[^1];
    }

    /// <summary>An agent whose FIFOs are in its workspace: it has nothing else in common with this process.</summary>
    public AgentSpec Spec(AgentType type, TimeSpan? startTimeout = null)
    {
        var id = Guid.NewGuid().ToString();
        var folder = Home.AgentFolder(id);
        ServiceDefaults.DataDirectory.CreateFolder(Workspace(folder));
        _fifos[id] = (Fifo("release"), Fifo("runs"));
        return new()
        {
            AgentId = id,
            Name = "tested",
            Type = type,
            Folder = folder,
            Config = new() { ["agent_id"] = id },
            Environment = new Dictionary<string, string> { ["SECRET"] = Secret, ["FIFOS"] = "/workspace", ["SOCKET"] = "/run/agent/s" },
            Secrets = [Secret],
            StartTimeout = startTimeout ?? TimeSpan.FromSeconds(60),
        };

        FileStream Fifo(string name)
        {
            var path = Path.Combine(Workspace(folder), name);
            var fifo = Machine.Fifo(path);
            const UnixFileMode all = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
            File.SetUnixFileMode(path, all);
            return fifo;
        }
    }

    public static string Workspace(string folder) => Path.Combine(folder, "workspace");

    public void Release(AgentSpec spec) => _fifos[spec.AgentId].Release.Write("\n"u8);

    public async Task RunsAsync(AgentSpec spec) => _ = await _fifos[spec.AgentId].Runs.ReadAsync(new byte[1], TestContext.Current.CancellationToken);

    /// <summary>Starts an agent that ends when it is released; returns what it printed.</summary>
    public async Task<string> RunAsync(AgentSpec spec)
    {
        var agent = await NewKernel().StartAsync(spec, TestContext.Current.CancellationToken);
        Release(spec);
        var end = await Waiting.ForAsync(agent.Completion, "the end", () => ShimmedStart.Tail(spec));
        Assert.Null(end.Leftover);
        return System.Text.Encoding.UTF8.GetString(new AgentLog(spec.Folder).Tail(1024 * 1024)).TrimEnd('\n');
    }

    public IReadOnlyList<string> Leftovers(AgentSpec spec) => [.. Home.Leftovers(spec.AgentId).Where(left => left != spec.Folder)];

    public async ValueTask DisposeAsync()
    {
        foreach (var (release, runs) in _fifos.Values)
        {
            release.Dispose();
            runs.Dispose();
        }

        foreach (var kernel in _kernels)
        {
            await kernel.DisposeAsync();
        }

        _watchers.ForEach(watcher => watcher.Dispose());
        _limiter?.Dispose();
        _lock?.Dispose();
        Home.Dispose();
    }
}
