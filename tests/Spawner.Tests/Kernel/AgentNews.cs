using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;

namespace AgentKernel.Spawner.Tests.Kernel;

/// <summary>A watcher of the kernel's agents.</summary>
internal sealed class AgentNews(TestKernel kernel) : IAsyncDisposable
{
    private readonly List<Agent> _seen = [];
    private IAsyncEnumerator<WatchAgentsResponse>? _events;
    private Task<bool>? _next;

    public IReadOnlyList<Agent> Snapshot { get; private set; } = [];

    /// <summary>The changes seen so far, in the order they came.</summary>
    public IReadOnlyList<Agent> Seen => _seen;

    public async Task BeginAsync()
    {
        _events = kernel.Operator.StreamAsync(AgentSpawnerMethods.WatchAgents, new(), cancellationToken: TestContext.Current.CancellationToken).GetAsyncEnumerator();
        Assert.True(await NextAsync("the snapshot"));
        Snapshot = _events.Current.Snapshot.Agents;
    }

    /// <summary>The next change that this is true of.</summary>
    public async Task<Agent> UntilAsync(Func<Agent, bool> wanted, string phase)
    {
        while (await NextAsync(phase))
        {
            var agent = _events!.Current.Changed;
            _seen.Add(agent);
            if (wanted(agent))
            {
                return agent;
            }
        }

        throw new InvalidOperationException($"the watch ended before {phase}");
    }

    public Task<Agent> UntilAsync(AgentState state, string? id = null, int? restarts = null) => UntilAsync(
        agent => agent.State == state && (id ?? agent.Id) == agent.Id && (restarts ?? agent.Restarts) == agent.Restarts, $"{state} of {id ?? "any agent"}");

    /// <summary>Waits for the end of the stream.</summary>
    public async Task EndAsync()
    {
        while (await NextAsync("the end of the watch"))
        {
        }
    }

    public ValueTask DisposeAsync() => _events?.DisposeAsync() ?? ValueTask.CompletedTask;

    private async Task<bool> NextAsync(string phase)
    {
        _next = _events!.MoveNextAsync().AsTask(); // begun
        return await Waiting.ForAsync(_next, phase, () => string.Join('\n', _seen.Select(agent => agent.ToString()).Concat(kernel.Log.TakeLast(30))));
    }
}
