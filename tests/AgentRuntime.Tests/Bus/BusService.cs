using System.Net;
using System.Text.Json.Nodes;
using AgentKernel.AgentBus;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults.Access;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AgentKernel.AgentRuntime.Tests.Bus;

/// <summary>The real bus service, with one agent's bus on it.</summary>
internal sealed class BusService : IAsyncDisposable
{
    public const string BusId = $"tester.{AgentProcess.AgentId}";

    private const string OperatorToken = "the-operators-token";
    private const string ServiceToken = "the-services-token";

    private readonly WebApplication _app;
    private readonly RpcChannel _channel;
    private readonly Uri _address;
    private string _busToken = "";
    private bool _isDisposed;

    private BusService(WebApplication app)
    {
        _app = app;
        _address = new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        _channel = new(_address, new() { BearerToken = OperatorToken });
    }

    public static async Task<BusService> StartAsync(bool disableSafety = false)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddSingleton(new AccessTokens(OperatorToken, ServiceToken));
        builder.Services.AddAgentBus(new() { Storage = "memory" });
        var app = builder.Build();
        app.MapAgentBus();
        await app.StartAsync(TestContext.Current.CancellationToken);
        var service = new BusService(app);
        var registered = await Deadline.For(stop => service._channel.CallAsync(
            BusAdminMethods.RegisterBus, new RegisterBusRequest { BusId = BusId, DisableSafety = disableSafety }, cancellationToken: stop), () => "the bus");
        service._busToken = registered.BusToken;
        return service;
    }

    /// <summary>An agent's config with this bus.</summary>
    public JsonObject On(JsonObject config, bool disableSafety = false)
    {
        config["agentbus_url"] = $"remote://{_address.Authority}";
        config["agentbus_token"] = _busToken;
        config["disable_safety"] = disableSafety;
        return config;
    }

    public string BusToken => _busToken;

    public Task<AppendResponse> AppendAsync(Payload payload) => Deadline.For(stop => _channel.CallAsync(
        AgentBusMethods.Append, new AppendRequest { AgentBusId = BusId, Payload = payload }, cancellationToken: stop), () => "an append");

    /// <summary>All that stands on the bus.</summary>
    public async Task<IReadOnlyList<BusEntry>> LogAsync() => (await Deadline.For(stop => _channel.CallAsync(
        AgentBusMethods.Poll, new PollRequest { AgentBusId = BusId, MaxEntries = 1000 }, cancellationToken: stop), () => "the log")).Entries;

    /// <summary>The first entry of a kind, once it is there.</summary>
    public async Task<BusEntry> FirstAsync(SelectivePollType kind, Func<Payload, bool>? which = null)
    {
        var next = 0L;
        while (true)
        {
            var request = new BlockingPollRequest { AgentBusId = BusId, StartLogPosition = next, MaxEntries = 100, TimeoutMs = 50_000, Filter = new() { PayloadTypes = { kind } } };
            var page = await Deadline.For(stop => _channel.CallAsync(AgentBusMethods.BlockingPoll, request, cancellationToken: stop), () => $"an entry of the kind {kind}");
            if (page.Entries.FirstOrDefault(entry => which?.Invoke(entry.Payload) ?? true) is { } found)
            {
                return found;
            }

            next = page.NextStartPosition;
        }
    }

    /// <summary>Puts a human in the place of the rules.</summary>
    public Task LetHumanVoteAsync() => AppendAsync(new()
    {
        Control = new()
        {
            BaseEngineControl = new()
            {
                PolicyBatch = new()
                {
                    ExpectedCurrentVersion = 1,
                    NewVersion = 2,
                    VoterOps =
                    {
                        ["rules"] = new() { Remove = new() },
                        ["people"] = new() { Add = new() { Config = new() { Custom = Google.Protobuf.WellKnownTypes.Any.Pack(new Voter { Human = new() }) } } },
                    },
                },
            },
        },
    });

    public async Task<PendingIntention> PendingAsync() => Assert.Single((await Deadline.For(stop => _channel.CallAsync(
        BusAdminMethods.ListPending, new ListPendingRequest { BusId = BusId }, cancellationToken: stop), () => "the pending list")).Pending);

    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return; // a test may have taken it away before its end
        }

        _isDisposed = true;
        _channel.Dispose();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }
}
