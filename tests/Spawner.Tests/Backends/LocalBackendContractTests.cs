using System.Text.Json;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Backends.Local;
using AgentKernel.Spawner.Limits;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>The contract with real processes.</summary>
public sealed class LocalBackendContractTests : AgentBackendContract, IDisposable
{
    private readonly LocalFixture _local = new();

    public void Dispose() => _local.Dispose();

    private protected override IAgentBackend NewKernel() => _local.NewKernel();

    private protected override AgentSpec Spec(Behaviour behaviour, TimeSpan? startTimeout = null) => _local.Spec(ShellAgent.Type(behaviour), startTimeout);

    private protected override void Release(AgentSpec spec) => _local.Release(spec);

    private protected override Task RunsAsync(AgentSpec spec) => _local.RunsAsync(spec);

    private protected override Task<JsonElement> GiveIdsAsync(JsonElement saved, AgentSpec spec, int stranger) => SavedProcesses.GiveAsync(saved, spec, stranger);

    private protected override IReadOnlyList<string> Leftovers(AgentSpec spec) => _local.Leftovers(spec);
}

/// <summary>A data directory, the backends of kernels that run on it one after the other, and specs of agents.</summary>
internal sealed class LocalFixture(int homePathLength = 0) : IDisposable
{
    private const string Secret = "a-secret-that-nobody-may-see";

    private readonly TemporaryHome _home = new(homePathLength);
    private readonly List<ProcessExitWatcher> _watchers = [];
    private readonly Dictionary<string, (FileStream Release, FileStream Runs)> _fifos = [];
    private LockedDataDirectory? _lock;
    private ResourceLimiter? _limiter;

    public TemporaryHome Home => _home;

    public LocalBackend NewKernel()
    {
        _watchers.Add(new ProcessExitWatcher());
        return new(_lock ??= new(_home.Directory), _watchers[^1], _limiter ??= new(_lock), TimeProvider.System);
    }

    public AgentSpec Spec(AgentTypes.AgentType type, TimeSpan? startTimeout = null)
    {
        var id = Guid.NewGuid().ToString();
        var folder = _home.AgentFolder(id);
        ServiceDefaults.DataDirectory.CreateFolder(folder);
        _fifos[id] = (Machine.Fifo(Path.Combine(folder, "release")), Machine.Fifo(Path.Combine(folder, "runs")));
        return new()
        {
            AgentId = id,
            Name = "tested",
            Type = type,
            Folder = folder,
            Config = new() { ["agent_id"] = id },
            Environment = new Dictionary<string, string> { ["SECRET"] = Secret },
            Secrets = [Secret],
            StartTimeout = startTimeout ?? TimeSpan.FromSeconds(60),
        };
    }

    public void Release(AgentSpec spec) => _fifos[spec.AgentId].Release.Write("\n"u8);

    public async Task RunsAsync(AgentSpec spec) => _ = await _fifos[spec.AgentId].Runs.ReadAsync(new byte[1], TestContext.Current.CancellationToken);

    public IReadOnlyList<string> Leftovers(AgentSpec spec) => [.. _home.Leftovers(spec.AgentId).Where(left => left != spec.Folder)];

    public void Dispose()
    {
        foreach (var (release, runs) in _fifos.Values)
        {
            release.Dispose();
            runs.Dispose();
        }

        _watchers.ForEach(watcher => watcher.Dispose());
        _limiter?.Dispose();
        _lock?.Dispose();
        _home.Dispose();
    }
}
