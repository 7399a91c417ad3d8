using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Backends.Local;

/// <summary>What a local agent needs to be found again.</summary>
internal sealed record LocalState(ShimState Process, string? UnixSocket, Uri? Http)
{
    /// <summary>Null where it is not of this making: nothing is known of the agent.</summary>
    public static LocalState? Read(JsonElement savedState)
    {
        try
        {
            return savedState.Deserialize(LocalJson.Default.LocalState);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSerializable(typeof(LocalState))]
internal sealed partial class LocalJson : JsonSerializerContext;

/// <summary>Where an agent takes turns, and how what its backend made for it outside its folder is removed after its end.</summary>
internal sealed record AgentPlace(AgentEndpoint Endpoint, Action Remove);

/// <summary>An agent of this machine, under its shim; in a sandbox or not.</summary>
internal sealed class LocalAgent : IAgentHandle
{
    private readonly ShimmedProcess _process;
    private readonly string _folder;
    private readonly AgentPlace _place;

    public LocalAgent(ShimmedProcess process, AgentPlace place, AgentSpec spec)
    {
        (_process, _folder, _place) = (process, spec.Folder, place);
        _ = process.Pid; // found now, while it can be asked for
        Completion = WatchAsync(spec); // not kept beyond that: it holds keys, and an ended agent stays known for an hour
    }

    public JsonElement SavedState => JsonSerializer.SerializeToElement(new(_process.State, Endpoint.UnixSocket, Endpoint.Http), LocalJson.Default.LocalState);

    public AgentEndpoint Endpoint => _place.Endpoint;

    public Task<AgentEnd> Completion { get; }

    public IReadOnlyDictionary<string, string> Status =>
        new Dictionary<string, string> { ["pid"] = _process.Pid.ToString(CultureInfo.InvariantCulture) };

    public async Task StopAsync(TimeSpan grace)
    {
        await _process.StopAsync(grace);
        await Completion;
    }

    public IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(long tailBytes, bool follow, CancellationToken cancellationToken) =>
        new AgentLog(_folder).ReadAsync(tailBytes, follow ? Completion : Task.CompletedTask, cancellationToken);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask; // processes, not this object, hold what there is

    // The agent has ended whatever becomes of its socket and of the last of its output.
    private async Task<AgentEnd> WatchAsync(AgentSpec spec)
    {
        var exit = await _process.Completion;
        var (tail, leftover) = ("", exit.Leftover);
        try
        {
            _place.Remove();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            leftover ??= "its socket could not be removed"; // the message would name a path
        }

        try
        {
            tail = ShimmedStart.Tail(spec);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            leftover ??= "the last of its output could not be read";
        }

        return new(exit.Code, exit.Signal, tail, leftover, exit.Limit);
    }
}
