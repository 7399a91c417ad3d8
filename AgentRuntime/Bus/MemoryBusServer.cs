using System.Net;
using System.Security.Cryptography;
using System.Text;
using AgentKernel.AgentRuntime.Configuration;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;
using AgentKernel.Rpc;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace AgentKernel.AgentRuntime.Bus;

/// <summary>Lets others on this machine read a bus in this process, over gRPC. Nobody but the agent writes on it.</summary>
internal sealed class MemoryBusServer(MemoryBus bus, string busId, byte[] token) : IAsyncDisposable
{
    private static readonly TimeSpan s_longestPoll = TimeSpan.FromMinutes(1);

    private WebApplication? _app;

    /// <exception cref="ConfigException">The port is taken.</exception>
    public static async Task<MemoryBusServer> StartAsync(MemoryBus bus, int port, string busId, string token)
    {
        var server = new MemoryBusServer(bus, busId, Encoding.UTF8.GetBytes(token));
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddRoutingCore();
        builder.Services.AddRpc();
        var app = server._app = builder.Build();
        app.MapRpc(AgentBusMethods.Poll, server.PollAsync);
        app.MapRpc(AgentBusMethods.ReadNext, server.ReadNextAsync);
        app.MapRpc(AgentBusMethods.CheckTail, server.CheckTailAsync);
        app.MapRpc(AgentBusMethods.BlockingPoll, server.BlockingPollAsync);
        app.MapUnknownRpc(AgentBusMethods.Service);
        try
        {
            await app.StartAsync();
            return server;
        }
        catch (IOException e)
        {
            await app.DisposeAsync();
            throw new ConfigException($"config key 'agentbus_url': cannot listen on port {port}: {e.Message}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await using (_app)
            {
                using var now = new CancellationTokenSource();
                await now.CancelAsync();
                await _app.StopAsync(now.Token);
            }
        }
    }

    private Task<PollResponse> PollAsync(PollRequest request, RpcContext context)
    {
        Authorize(request.BusId, request.AgentBusId, context);
        var tail = bus.Tail;
        var found = bus.Select(Start(request.StartLogPosition), tail, Count(request.MaxEntries), request.Filter?.PayloadTypes);
        return Task.FromResult(new PollResponse { Entries = { found }, Complete = found.Count < request.MaxEntries });
    }

    private Task<ReadNextResponse> ReadNextAsync(ReadNextRequest request, RpcContext context)
    {
        Authorize(request.BusId, request.AgentBusId, context);
        if (request.EndLogPosition < request.StartLogPosition || request.EndLogPosition > bus.Tail)
        {
            throw new RpcException(RpcStatusCode.OutOfRange, "end_log_position must be at least start_log_position and at most the tail");
        }

        var found = bus.Select(Start(request.StartLogPosition), request.EndLogPosition, Count(request.MaxEntries), request.Filter?.PayloadTypes);
        return Task.FromResult(new ReadNextResponse { Entries = { found }, NextStartPosition = Next(found, request.MaxEntries, request.EndLogPosition) });
    }

    private Task<CheckTailResponse> CheckTailAsync(CheckTailRequest request, RpcContext context)
    {
        Authorize(request.BusId, request.AgentBusId, context);
        return Task.FromResult(new CheckTailResponse { TailPosition = bus.Tail });
    }

    private async Task<BlockingPollResponse> BlockingPollAsync(BlockingPollRequest request, RpcContext context)
    {
        Authorize(request.BusId, request.AgentBusId, context);
        var timeout = TimeSpan.FromMilliseconds(Math.Clamp(request.TimeoutMs, 0, s_longestPoll.TotalMilliseconds));
        var (found, next) = await bus.WaitAsync(
            Start(request.StartLogPosition), request.Filter is { } filter ? [.. filter.PayloadTypes] : Enum.GetValues<SelectivePollType>(), timeout, context.CancellationToken);
        var taken = found.Take(Count(request.MaxEntries)).ToList();
        return new() { Entries = { taken }, NextStartPosition = taken.Count < found.Count ? taken[^1].Header.LogPosition + 1 : next };
    }

    private static long Next(IReadOnlyList<BusEntry> found, int max, long end) => found.Count == max ? found[^1].Header.LogPosition + 1 : end;

    private static long Start(long position) => position >= 0 ? position : throw new RpcException(RpcStatusCode.InvalidArgument, "start_log_position must be 0 or more");

    private static int Count(int max) => max >= 1 ? max : throw new RpcException(RpcStatusCode.InvalidArgument, "max_entries must be at least 1");

    private void Authorize(BusId? id, string legacyId, RpcContext context)
    {
        const string Scheme = "Bearer ";
        var header = context.HttpContext.Request.Headers.Authorization.ToString();
        var isToken = header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(header[Scheme.Length..].Trim()), token);
        if (!isToken || (id?.AgentBusId ?? legacyId) != busId)
        {
            throw new RpcException(RpcStatusCode.PermissionDenied, "there is no such bus, or the token of the call does not open it");
        }
    }
}
