using System.Text.Json;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>An agent in a sandbox, with its way out, which ends with it.</summary>
internal sealed class SandboxedAgent : IAgentHandle
{
    private readonly IAgentHandle _agent;
    private readonly WorkspaceWatch? _watch;
    private readonly Func<ValueTask> _end;

    /// <param name="watch">Holds its workspace to its limit; null: it has none.</param>
    /// <param name="end">Ends what serves the agent from outside; runs once it has ended.</param>
    public SandboxedAgent(IAgentHandle agent, WorkspaceWatch? watch, Func<ValueTask> end)
    {
        (_agent, _watch, _end) = (agent, watch, end);
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

    public ValueTask DisposeAsync() => _agent.DisposeAsync(); // the way out is the agent's for as long as it runs

    private async Task<AgentEnd> WatchAsync()
    {
        var end = await EndAsync();
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

    private async Task<AgentEnd> EndAsync()
    {
        if (_watch is null)
        {
            return await _agent.Completion;
        }

        using var over = new CancellationTokenSource();
        var outgrown = Task.Run(() => _watch.OutgrownAsync(over.Token), CancellationToken.None); // its first look is not the caller's to wait for
        await Task.WhenAny(outgrown, _agent.Completion);
        await over.CancelAsync();
        if (!await outgrown || _agent.Completion.IsCompleted)
        {
            return await _agent.Completion;
        }

        try
        {
            await _agent.StopAsync(TimeSpan.Zero);
        }
        catch (IOException)
        {
            // Its end says what is left of it.
        }

        var end = await _agent.Completion;
        return end with { Limit = end.Limit ?? _watch.Reason };
    }
}
