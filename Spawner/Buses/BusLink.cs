using System.Globalization;
using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.Spawner.Backends;
using Google.Protobuf;

namespace AgentKernel.Spawner.Buses;

/// <summary>Gives agents their places on buses: on the kernel's own it has them registered, others it only passes on.</summary>
/// <param name="address">Where the kernel's bus service speaks gRPC; null where there is none. Asked when the first agent wants it.</param>
/// <param name="serviceToken">What it presents there.</param>
internal sealed class BusLink(Func<Uri?> address, string serviceToken) : IDisposable
{
    private const int DefaultPort = 8095;

    private static readonly RpcCallOptions Brief = new() { Timeout = TimeSpan.FromSeconds(10) };

    private readonly Lazy<(Uri Address, RpcChannel Channel)?> _kernels = new(
        () => address() is { } found ? (found, new RpcChannel(found, new() { BearerToken = serviceToken })) : null,
        LazyThreadSafetyMode.PublicationOnly); // a failing address is not remembered

    /// <summary>Refuses what cannot be given, before anything is taken for the agent.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT naming the field, or FAILED_PRECONDITION.</exception>
    public static void Check(SpawnAgentRequest request, IAgentBackend backend)
    {
        if (request.Agentbus is not { } config)
        {
            return;
        }

        if (config.Port is < 0 or > ushort.MaxValue)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, "agentbus.port must be 0 to 65535");
        }

        if (IsMemory(config))
        {
            return;
        }

        _ = AddressOf(config); // refused here
        if (backend.Capabilities.Isolated && request.Network?.Host != true)
        {
            throw new RpcException(
                RpcStatusCode.FailedPrecondition, $"agentbus: an agent on backend '{backend.Name}' cannot reach a bus outside of its sandbox; set network.host, or use backend local");
        }
    }

    /// <summary>Gives an agent its place.</summary>
    /// <exception cref="RpcException">FAILED_PRECONDITION where the kernel has no bus service, UNAVAILABLE where it cannot be reached: the agent must not start without what was to watch it.</exception>
    public async Task<BusSeat> OpenAsync(string agentId, string agentName, string teamId, byte[] nonceHash, AgentBusConfig config, CancellationToken cancellationToken)
    {
        var busId = $"{agentName}.{agentId}";
        if (IsMemory(config))
        {
            var port = config.Port > 0 ? config.Port.ToString(CultureInfo.InvariantCulture) : config.Url["memory://".Length..].TrimEnd('/');
            return new($"memory://{port}", busId, null, config.DisableSafety, OfKernel: false);
        }

        if (AddressOf(config) is { } remote)
        {
            return new(remote, busId, null, config.DisableSafety, OfKernel: false);
        }

        if (_kernels.Value is not var (kernels, channel))
        {
            throw new RpcException(RpcStatusCode.FailedPrecondition, "agentbus: this kernel has no bus service; start one and set AGENTBUS_GRPC, or name another bus in agentbus.url");
        }

        try
        {
            var request = new Contracts.Bus.V1.RegisterBusRequest { BusId = busId, OwnerNonceSha256 = ByteString.CopyFrom(nonceHash), TeamId = teamId, DisableSafety = config.DisableSafety };
            var response = await channel.CallAsync(BusAdminMethods.RegisterBus, request, Brief, cancellationToken);
            var url = kernels.Scheme == "https" ? $"https://{kernels.Authority}" : $"remote://{kernels.Host}:{kernels.Port}";
            return new(url, busId, response.BusToken, config.DisableSafety, OfKernel: true);
        }
        catch (RpcException exception)
        {
            throw new RpcException(RpcStatusCode.Unavailable, $"agentbus: the bus service did not register the agent, so it was not started: {exception.Message}", exception);
        }
    }

    /// <summary>Removes the bus of an agent that has never run. One that has run keeps its log.</summary>
    public async Task DropAsync(BusSeat seat)
    {
        if (seat.OfKernel && _kernels.Value is var (_, channel))
        {
            await channel.CallAsync(BusAdminMethods.DeleteBus, new() { BusId = seat.BusId }, Brief, CancellationToken.None);
        }
    }

    public void Dispose()
    {
        if (_kernels.IsValueCreated && _kernels.Value is var (_, channel))
        {
            channel.Dispose();
        }
    }

    private static bool IsMemory(AgentBusConfig config)
    {
        const string scheme = "memory://";
        if (!config.Url.StartsWith(scheme, StringComparison.Ordinal))
        {
            return false;
        }

        var port = config.Url[scheme.Length..].TrimEnd('/');
        return port.Length == 0 || ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out _)
            ? true
            : throw new RpcException(RpcStatusCode.InvalidArgument, $"agentbus.url is '{config.Url}'; after memory:// it may have a port");
    }

    // Of a bus that is not the kernel's; null for the kernel's.
    private static string? AddressOf(AgentBusConfig config)
    {
        if (config.Url.Length == 0)
        {
            return config.Port == 0 ? null : throw new RpcException(RpcStatusCode.InvalidArgument, "agentbus.port goes with agentbus.url; without one the kernel's own bus is used");
        }

        if (!Uri.TryCreate(config.Url, UriKind.Absolute, out var url) || url.Scheme is not ("remote" or "https") || url.Host.Length == 0 || url.AbsolutePath.Length > 1)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, $"agentbus.url is '{config.Url}'; it must be memory://, memory://port, remote://host:port or https://host:port, or empty for the kernel's own bus");
        }

        var port = config.Port > 0 ? config.Port : url.Scheme == "remote" && url.Port <= 0 ? DefaultPort : url.Port;
        return $"{url.Scheme}://{url.Host}:{port}";
    }
}
