using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;

namespace AgentKernel.Packaging.Images;

/// <summary>Knows which images agents use.</summary>
internal interface IImageUsers
{
    /// <summary>The images, by id or name, of all agents that live or are being started.</summary>
    /// <exception cref="RpcException">UNAVAILABLE: it cannot be known, so nothing may be removed.</exception>
    Task<IReadOnlySet<string>> InUseAsync(CancellationToken cancellationToken);
}

/// <summary>Asks the spawner, over a channel that is opened at first use.</summary>
internal sealed class SpawnerImageUsers(Func<Uri> address, string serviceToken) : IImageUsers, IDisposable
{
    private const int MaxMessageBytes = 64 * 1024 * 1024;
    private static readonly RpcCallOptions Brief = new() { Timeout = TimeSpan.FromSeconds(10) };

    private readonly Lazy<RpcChannel> _channel = new(
        () => new(address(), new() { BearerToken = serviceToken, MaxReceiveMessageBytes = MaxMessageBytes }),
        LazyThreadSafetyMode.PublicationOnly); // a failing address is not remembered

    public async Task<IReadOnlySet<string>> InUseAsync(CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var message in _channel.Value.StreamAsync(AgentSpawnerMethods.WatchAgents, new(), Brief, cancellationToken))
            {
                return message.Snapshot.Agents
                    .Where(agent => agent.ImageId.Length > 0 && agent.State is not (AgentState.Stopped or AgentState.Failed))
                    .Select(agent => agent.ImageId).ToHashSet(StringComparer.Ordinal);
            }
        }
        catch (RpcException exception)
        {
            throw Unknown(exception);
        }

        throw Unknown(null);
    }

    public void Dispose()
    {
        if (_channel.IsValueCreated)
        {
            _channel.Value.Dispose();
        }
    }

    private static RpcException Unknown(Exception? inner) =>
        new(RpcStatusCode.Unavailable, "the spawner could not be asked which images are in use, so nothing was removed", inner);
}
