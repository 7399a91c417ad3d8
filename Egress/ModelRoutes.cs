using System.Net.Sockets;
using AgentKernel.Egress.Models;
using AgentKernel.Egress.Network;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace AgentKernel.Egress;

/// <summary>
/// All model routes of a process: one HTTP server and one pool of connections behind them, so that a route costs no more
/// than a socket. A route adds the key on its way out, so that an agent never has it.
/// </summary>
public sealed partial class ModelRoutes : IAsyncDisposable
{
    private readonly RouteConnections _connections = new();
    private readonly SocketConnectionContextFactory _factory;
    private readonly ModelForwarder _forwarder;
    private readonly KestrelServer _server;
    private readonly EgressLimits _limits;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;

    private ModelRoutes(ILoggerFactory loggers, EgressLimits limits, SocketsHttpHandler handler, TimeProvider time)
    {
        (_limits, _time, _logger) = (limits, time, loggers.CreateLogger<ModelRoutes>());
        _factory = new(new(), _logger);
        _forwarder = new(handler, limits, loggers.CreateLogger<ModelRoute>(), time);
        var options = new KestrelServerOptions { AddServerHeader = false, AllowSynchronousIO = false };
        options.Limits.MaxRequestHeadersTotalSize = limits.MaxHeadBytes;
        options.Limits.RequestHeadersTimeout = limits.HeadTimeout;
        options.Limits.KeepAliveTimeout = limits.IdleTimeout;
        options.Limits.MaxRequestBodySize = limits.MaxModelRequestBytes;
        // Idleness is bounded where the bytes go through; a model may take its time, and so may an agent.
        options.Limits.MinRequestBodyDataRate = null;
        options.Limits.MinResponseDataRate = null;
        options.Listen(RouteConnections.EndPoint, listen => listen.Protocols = HttpProtocols.Http1);
        // Kestrel logs request lines; what agents send does not belong in the log.
        _server = new(Options.Create(options), _connections, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance);
    }

    /// <summary>Starts the server, without any route.</summary>
    public static Task<ModelRoutes> StartAsync(ILoggerFactory loggers, EgressLimits? limits, CancellationToken cancellationToken) =>
        StartAsync(loggers, limits ?? EgressLimits.Default, new SocketsHttpHandler(), TimeProvider.System, cancellationToken);

    /// <summary>Opens a route to one endpoint.</summary>
    /// <param name="label">Whose it is, for the log: an agent's id.</param>
    /// <exception cref="SocketException">It cannot be listened there.</exception>
    /// <exception cref="IOException">Mode or owner of the socket cannot be set.</exception>
    public ModelRoute Open(EgressSocket socket, string label, ModelEndpoint endpoint)
    {
        var route = new ModelRoute(label, endpoint);
        route.Listener = SocketListener.Start(socket, _limits.MaxConnections, (client, beyond, token) => ServeAsync(route, client, beyond, token), _time);
        return route;
    }

    /// <summary>Ends the server and every request. Routes are disposed before.</summary>
    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _server.StopAsync(now.Token);
        _server.Dispose();
        _forwarder.Dispose();
        _factory.Dispose();
    }

    internal static async Task<ModelRoutes> StartAsync(
        ILoggerFactory loggers, EgressLimits limits, SocketsHttpHandler handler, TimeProvider time, CancellationToken cancellationToken)
    {
        var routes = new ModelRoutes(loggers, limits, handler, time);
        await routes._server.StartAsync(routes._forwarder, cancellationToken);
        return routes;
    }

    private async Task ServeAsync(ModelRoute route, Socket client, bool beyond, CancellationToken cancellationToken)
    {
        try
        {
            if (!beyond)
            {
                await _connections.ServeAsync(_factory.Create(client), route, cancellationToken);
                return;
            }

            using (client)
            {
                LogBusy(route.Label, _limits.MaxConnections);
                var refusal = new EgressRefusal(EgressRefusalKind.Busy, $"there are more than {_limits.MaxConnections} connections to the model");
                await RefusalAnswer.SendAsync(client, refusal, _limits.HeadTimeout, _time, cancellationToken);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // The client hung up, or the route ends.
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A connection of agent {AgentId} to its model is refused: there are {Limit}")]
    private partial void LogBusy(string agentId, int limit);
}
