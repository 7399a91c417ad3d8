using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace AgentKernel.Egress.Models;

/// <summary>
/// Hands the connections of all routes to one server. Kestrel's own endpoints are fixed at its start, and a server for
/// each agent would cost megabytes.
/// </summary>
internal sealed class RouteConnections : IConnectionListenerFactory, IConnectionListener
{
    private const int Waiting = 64; // beyond that, accepting waits

    private readonly Channel<ConnectionContext> _accepted = Channel.CreateBounded<ConnectionContext>(new BoundedChannelOptions(Waiting) { SingleReader = true });

    public static EndPoint EndPoint { get; } = new UnnamedEndPoint();

    EndPoint IConnectionListener.EndPoint => EndPoint;

    /// <summary>Lets the server serve a connection, and returns when it has ended.</summary>
    public async Task ServeAsync(ConnectionContext connection, ModelRoute route, CancellationToken cancellationToken)
    {
        connection.Features.Set(route);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await _accepted.Writer.WriteAsync(connection, cancellationToken);
        }
        catch (Exception e) when (e is OperationCanceledException or ChannelClosedException)
        {
            await connection.DisposeAsync();
            return;
        }

        await using var closed = connection.ConnectionClosed.Register(ended.SetResult);
        await using var stopping = cancellationToken.Register(() => connection.Abort(new("the route ends")));
        await ended.Task;
    }

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) => new(this);

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
        await _accepted.Reader.WaitToReadAsync(cancellationToken) && _accepted.Reader.TryRead(out var connection) ? connection : null;

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _accepted.Writer.TryComplete();
        return default;
    }

    public async ValueTask DisposeAsync()
    {
        _accepted.Writer.TryComplete();
        while (_accepted.Reader.TryRead(out var connection))
        {
            await connection.DisposeAsync();
        }
    }

    private sealed class UnnamedEndPoint : EndPoint
    {
        public override string ToString() => "model-routes";
    }
}
