using System.Net;
using System.Net.Sockets;
using AgentKernel.Egress.Policy;

namespace AgentKernel.Egress.Network;

/// <summary>A connection to where an agent wanted to go.</summary>
/// <param name="Early">What has come from there already.</param>
/// <param name="Forwarder">A proxy at the other end that wants the request as a proxy gets it; null: the destination.</param>
internal sealed record EgressConnection(Socket Socket, ReadOnlyMemory<byte> Early, Uri? Forwarder) : IDisposable
{
    public void Dispose() => Socket.Dispose();
}

/// <summary>
/// Connects where the policy allows it. The very addresses that were judged are connected to, so that a name cannot
/// lead somewhere else in between.
/// </summary>
internal sealed class EgressConnector(EgressPolicy policy, IEgressNetwork network, UpstreamProxy upstream, EgressLimits limits, TimeProvider time)
{
    /// <param name="tunnel">Whether bytes are carried both ways, or one plain HTTP request is forwarded.</param>
    /// <exception cref="EgressRefusedException">It is not allowed, or cannot be reached.</exception>
    public async Task<EgressConnection> ConnectAsync(Destination destination, bool tunnel, CancellationToken cancellationToken)
    {
        if (policy.Judge(destination) is { } refusal)
        {
            throw new EgressRefusedException(refusal);
        }

        using var patience = new CancellationTokenSource(limits.ConnectTimeout, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            return upstream.For(destination, tunnel) is { } proxy
                ? await ThroughAsync(proxy, destination, tunnel, limited.Token)
                : new(await DirectlyAsync(destination, limited.Token), default, null);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw Unreachable($"{destination} does not answer within {limits.ConnectTimeout.TotalSeconds:0} seconds");
        }
    }

    private async Task<Socket> DirectlyAsync(Destination destination, CancellationToken cancellationToken)
    {
        var addresses = await AllowedAsync(destination, cancellationToken) ?? throw Unreachable($"{destination.Host} does not resolve");
        var socket = await FirstAsync(addresses, destination.Port, destination.ToString(), cancellationToken);
        // Whoever connects to an address of this machine does so from that same address, be it a public one.
        var reached = (socket.LocalEndPoint as IPEndPoint)?.Address;
        if (reached is not null && addresses.Contains(HostSyntax.Plain(reached)) && !policy.Lists(reached, destination.Port))
        {
            socket.Dispose();
            throw new EgressRefusedException(new(EgressRefusalKind.Address, $"{destination.Host} is an address of this machine that is not listed for this agent"));
        }

        return socket;
    }

    private async Task<EgressConnection> ThroughAsync(Uri proxy, Destination destination, bool tunnel, CancellationToken cancellationToken)
    {
        // Behind such a proxy public names often do not resolve: then the proxy alone knows them. Where they do, they are judged.
        _ = await AllowedAsync(destination, cancellationToken);
        var name = $"the proxy on the way to {destination}";
        var addresses = await ResolveAsync(proxy.IdnHost.Trim('[', ']'), cancellationToken) ?? throw Unreachable($"{name} does not resolve");
        var socket = await FirstAsync(addresses, proxy.Port, name, cancellationToken);
        try
        {
            var early = tunnel ? await UpstreamProxy.OpenTunnelAsync(socket, proxy, destination, limits.MaxHeadBytes, cancellationToken) : default;
            return new(socket, early, tunnel ? null : proxy);
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw Unreachable($"{name} hangs up");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The addresses of a destination that are allowed; null when it does not resolve.</summary>
    /// <exception cref="EgressRefusedException">None of them is.</exception>
    private async Task<IPAddress[]?> AllowedAsync(Destination destination, CancellationToken cancellationToken)
    {
        if (destination.Address is { } address)
        {
            return [address];
        }

        if (await ResolveAsync(destination.Host, cancellationToken) is not { } addresses)
        {
            return null;
        }

        var judged = addresses.Select(found => (Address: found, Refusal: policy.Judge(destination.Host, found, destination.Port))).ToList();
        var allowed = judged.Where(one => one.Refusal is null).Select(one => HostSyntax.Plain(one.Address)).ToArray();
        return allowed.Length > 0 ? allowed : throw new EgressRefusedException(judged[0].Refusal!); // none is null
    }

    private async Task<IPAddress[]?> ResolveAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            var addresses = await network.ResolveAsync(name, cancellationToken);
            return addresses.Length > 0 ? addresses : null;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    private async Task<Socket> FirstAsync(IPAddress[] addresses, int port, string what, CancellationToken cancellationToken)
    {
        SocketException? last = null;
        for (var i = 0; i < addresses.Length; i++)
        {
            // One that swallows packets must not use up the time of those after it.
            using var share = new CancellationTokenSource(limits.ConnectTimeout / (i + 1 < addresses.Length ? 3 : 1), time);
            using var limited = CancellationTokenSource.CreateLinkedTokenSource(share.Token, cancellationToken);
            try
            {
                return await network.ConnectAsync(new(addresses[i], port), limited.Token);
            }
            catch (SocketException e)
            {
                last = e;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // The next address.
            }
        }

        throw Unreachable($"{what} cannot be reached: {last?.SocketErrorCode.ToString() ?? "no answer"}");
    }

    private static EgressRefusedException Unreachable(string reason) => new(new(EgressRefusalKind.Unreachable, reason));
}
