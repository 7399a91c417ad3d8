using System.Net.Sockets;
using AgentKernel.Egress.Network;
using AgentKernel.Egress.Policy;
using AgentKernel.Egress.Proxy;
using Microsoft.Extensions.Logging;

namespace AgentKernel.Egress;

/// <summary>
/// The HTTP proxy of one agent, on a unix socket: <c>CONNECT</c>, and plain requests with a whole <c>http://</c> URL. It
/// resolves names itself and lets through what the policy allows; a refusal is answered with its reason and logged.
/// </summary>
public sealed partial class EgressProxy : IAsyncDisposable
{
    private readonly string _label;
    private readonly EgressLimits _limits;
    private readonly EgressConnector _connector;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly SocketListener _listener;

    private EgressProxy(EgressSocket socket, string label, EgressLimits limits, EgressConnector connector, ILogger logger, TimeProvider time)
    {
        (_label, _limits, _connector, _logger, _time) = (label, limits, connector, logger, time);
        _listener = SocketListener.Start(socket, limits.MaxConnections, ServeAsync, time);
    }

    /// <summary>Listens. Where this process's own environment names a proxy (<c>HTTPS_PROXY</c>, <c>HTTP_PROXY</c>, <c>NO_PROXY</c>), it is gone through.</summary>
    /// <param name="label">Who is let through here, for the log: an agent's id.</param>
    /// <exception cref="SocketException">It cannot be listened there.</exception>
    /// <exception cref="IOException">Mode or owner of the socket cannot be set.</exception>
    /// <exception cref="FormatException">The environment's proxy is malformed.</exception>
    public static EgressProxy Start(EgressSocket socket, string label, EgressPolicy policy, ILogger<EgressProxy> logger, EgressLimits? limits = null) =>
        Start(socket, label, policy, logger, limits ?? EgressLimits.Default, SystemNetwork.Instance, UpstreamProxy.FromEnvironment(Environment.GetEnvironmentVariable), TimeProvider.System);

    /// <summary>The same on another network.</summary>
    internal static EgressProxy Start(
        EgressSocket socket, string label, EgressPolicy policy, ILogger logger, EgressLimits limits, IEgressNetwork network, UpstreamProxy upstream, TimeProvider time) =>
        new(socket, label, limits, new(policy, network, upstream, limits, time), logger, time);

    /// <summary>Closes the socket and all connections.</summary>
    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    private async Task ServeAsync(Socket client, bool beyond, CancellationToken cancellationToken)
    {
        using var _ = client;
        try
        {
            if (beyond)
            {
                await RefuseAsync(client, new(EgressRefusalKind.Busy, $"there are more than {_limits.MaxConnections} connections"), "?", cancellationToken);
                return;
            }

            await HandleAsync(client, cancellationToken);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // The client hung up, or the proxy ends.
        }
    }

    private async Task HandleAsync(Socket client, CancellationToken cancellationToken)
    {
        Destination? destination = null;
        EgressConnection connection;
        ProxyRequest request;
        ReadOnlyMemory<byte> rest;
        try
        {
            if (await ReadAsync(client, cancellationToken) is not { } head)
            {
                return;
            }

            request = ProxyRequest.Read(head);
            (destination, rest) = (request.Destination, head.Rest);
            connection = await _connector.ConnectAsync(destination, request.Forward is null, cancellationToken);
        }
        catch (EgressRefusedException e)
        {
            await RefuseAsync(client, e.Refusal, destination?.ToString() ?? "?", cancellationToken);
            return;
        }

        using (connection)
        {
            LogConnected(_label, destination);
            if (request.Forward is null)
            {
                await Relay.SendAsync(client, "HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray(), cancellationToken);
            }
            else
            {
                await Relay.SendAsync(connection.Socket, Head(request, connection.Forwarder), cancellationToken);
            }

            await Relay.SendAsync(client, connection.Early, cancellationToken);
            await Relay.SendAsync(connection.Socket, rest, cancellationToken);
            await Relay.RunAsync(client, connection.Socket, _limits.IdleTimeout, _time, cancellationToken);
        }
    }

    private async Task<MessageHead?> ReadAsync(Socket client, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(_limits.HeadTimeout, _time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            return await MessageHead.ReadAsync(client, _limits.MaxHeadBytes, limited.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new EgressRefusedException(new(EgressRefusalKind.Malformed, "the request took too long to arrive"));
        }
    }

    private static byte[] Head(ProxyRequest request, Uri? forwarder)
    {
        var head = request.Forward!; // only such requests come here
        if (forwarder is null)
        {
            return head.ToBytes();
        }

        var authorization = UpstreamProxy.Authorization(forwarder);
        return (head with { FirstLine = request.Target!, Headers = authorization is { } header ? [.. head.Headers, header] : head.Headers }).ToBytes(); // there is one with Forward
    }

    private async Task RefuseAsync(Socket client, EgressRefusal refusal, string host, CancellationToken cancellationToken)
    {
        LogRefused(_label, host, refusal.Kind, refusal.Reason);
        await RefusalAnswer.SendAsync(client, refusal, _limits.HeadTimeout, _time, cancellationToken);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Agent {AgentId} connects to {Destination}")]
    private partial void LogConnected(string agentId, Destination destination);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Egress of agent {AgentId} to {Destination} is refused ({Kind}): {Reason}")]
    private partial void LogRefused(string agentId, string destination, EgressRefusalKind kind, string reason);
}
