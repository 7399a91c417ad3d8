using AgentKernel.Egress.Network;

namespace AgentKernel.Egress;

/// <summary>
/// One agent's way to its model, on a unix socket: <c>POST /x</c> there is <c>POST {base URL}/x</c> with the real key.
/// Made by <see cref="ModelRoutes"/>.
/// </summary>
public sealed class ModelRoute : IAsyncDisposable
{
    internal ModelRoute(string label, ModelEndpoint endpoint) => (Label, Endpoint) = (label, endpoint);

    internal string Label { get; }

    internal ModelEndpoint Endpoint { get; }

    internal SocketListener? Listener { get; set; }

    /// <summary>Closes the socket and breaks off what runs.</summary>
    public ValueTask DisposeAsync() => Listener?.DisposeAsync() ?? default;
}
