using System.Text.Json;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>An agent in a sandbox, with its way out, which ends with it.</summary>
internal sealed class SandboxedAgent : IAgentHandle
{
    private readonly IAgentHandle _agent;
    private readonly Func<ValueTask> _end;

    /// <param name="end">Ends what serves the agent from outside; runs once it has ended.</param>
    public SandboxedAgent(IAgentHandle agent, Func<ValueTask> end)
    {
        (_agent, _end) = (agent, end);
        Completion = WatchAsync();
    }

    public JsonElement SavedState => _agent.SavedState;

    public AgentEndpoint Endpoint => _agent.Endpoint;

    public Task<AgentEnd> Completion { get; }

    public IReadOnlyDictionary<string, string> Status => _agent.Status;

    public async Task StopAsync(TimeSpan grace)
    {
        await _agent.StopAsync(grace);
        await Completion;
    }

    public IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(long tailBytes, bool follow, CancellationToken cancellationToken) =>
        _agent.ReadLogAsync(tailBytes, follow, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _agent.DisposeAsync();
        await _end();
    }

    private async Task<AgentEnd> WatchAsync()
    {
        var end = await _agent.Completion;
        try
        {
            await _end();
            return end;
        }
        catch (IOException)
        {
            return end with { Leftover = end.Leftover ?? "its way out could not be closed" };
        }
    }
}
