using System.Net.Sockets;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;
using AgentKernel.Rpc;

namespace AgentKernel.AgentRuntime.Bus;

/// <summary>A bus service's bus, over gRPC.</summary>
internal sealed class RemoteBus : IAgentBus
{
    private const int PageEntries = 500;
    // Pages hold whole conversations, and one entry can have 16 MiB.
    private const int MaxResponse = 256 * 1024 * 1024;

    private static readonly TimeSpan s_callLimit = TimeSpan.FromSeconds(10);

    private readonly RpcChannel _channel;
    private readonly SocketsHttpHandler? _handler;
    private readonly BusId _id;

    public RemoteBus(RemoteBusAddress address, string busId, string? token)
    {
        if (address.SocketPath is { } path)
        {
            _handler = new SocketsHttpHandler
            {
                UseProxy = false,
                ConnectCallback = async (_, cancellationToken) =>
                {
                    var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    try
                    {
                        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
                        return new NetworkStream(socket, ownsSocket: true);
                    }
                    catch
                    {
                        socket.Dispose();
                        throw;
                    }
                },
            };
        }

        _channel = new(address.Address, new() { BearerToken = token, Handler = _handler, MaxReceiveMessageBytes = MaxResponse });
        _id = new() { AgentBusId = busId };
    }

    public Task<long> AppendAsync(Payload payload, CancellationToken cancellationToken) => GuardAsync(async () =>
        (await _channel.CallAsync(AgentBusMethods.Append, new() { BusId = _id, Payload = payload }, new() { Timeout = s_callLimit }, cancellationToken)).LogPosition);

    public Task<(IReadOnlyList<BusEntry> Entries, long Next)> WaitAsync(
        long start, IReadOnlyList<SelectivePollType> kinds, TimeSpan timeout, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        var request = new BlockingPollRequest
        {
            BusId = _id,
            StartLogPosition = start,
            MaxEntries = PageEntries,
            TimeoutMs = (int)timeout.TotalMilliseconds,
            Filter = new() { PayloadTypes = { kinds } },
        };
        var page = await _channel.CallAsync(AgentBusMethods.BlockingPoll, request, new() { Timeout = timeout + s_callLimit }, cancellationToken);
        return ((IReadOnlyList<BusEntry>)page.Entries, page.NextStartPosition);
    });

    public Task<(IReadOnlyList<BusEntry> Entries, bool Complete)> ReadAsync(long start, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        var page = await _channel.CallAsync(
            AgentBusMethods.Poll, new() { BusId = _id, StartLogPosition = start, MaxEntries = PageEntries }, new() { Timeout = s_callLimit }, cancellationToken);
        return ((IReadOnlyList<BusEntry>)page.Entries, page.Complete);
    });

    public ValueTask DisposeAsync()
    {
        _channel.Dispose();
        _handler?.Dispose();
        return ValueTask.CompletedTask;
    }

    private static async Task<T> GuardAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (RpcException e)
        {
            throw new BusException($"{e.Code}: {e.Message}", e.Code is RpcStatusCode.InvalidArgument or RpcStatusCode.ResourceExhausted, e);
        }
    }
}
