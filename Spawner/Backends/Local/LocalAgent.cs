using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Backends.Local;

/// <summary>What a local agent needs to be found again.</summary>
internal sealed record LocalState(ShimState Process, string? UnixSocket, Uri? Http);

[JsonSerializable(typeof(LocalState))]
internal sealed partial class LocalJson : JsonSerializerContext;

/// <summary>An agent that is a subprocess under its shim.</summary>
internal sealed class LocalAgent : IAgentHandle
{
    private readonly ShimmedProcess _process;
    private readonly AgentSpec _spec;

    public LocalAgent(ShimmedProcess process, AgentEndpoint endpoint, AgentSpec spec)
    {
        (_process, _spec, Endpoint) = (process, spec, endpoint);
        Completion = WatchAsync();
    }

    public JsonElement SavedState => JsonSerializer.SerializeToElement(new(_process.State, Endpoint.UnixSocket, Endpoint.Http), LocalJson.Default.LocalState);

    public AgentEndpoint Endpoint { get; }

    public Task<AgentEnd> Completion { get; }

    public IReadOnlyDictionary<string, string> Status =>
        new Dictionary<string, string> { ["pid"] = _process.Pid.ToString(CultureInfo.InvariantCulture) };

    public async Task StopAsync(TimeSpan grace)
    {
        await _process.StopAsync(grace);
        await Completion;
    }

    public IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(long tailBytes, bool follow, CancellationToken cancellationToken) =>
        new AgentLog(_spec.Folder).ReadAsync(tailBytes, follow ? Completion : Task.CompletedTask, cancellationToken);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask; // processes, not this object, hold what there is

    private async Task<AgentEnd> WatchAsync()
    {
        var exit = await _process.Completion;
        try
        {
            LocalBackend.DeleteSocket(Endpoint);
            return new(exit.Code, exit.Signal, LocalBackend.Tail(_spec), exit.Leftover);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The agent has ended whatever becomes of its socket and of the last of its output.
            return new(exit.Code, exit.Signal, "", exit.Leftover);
        }
    }
}
