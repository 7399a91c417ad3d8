using System.Net;
using AgentKernel.AgentBus.Voting;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults;
using AgentKernel.ServiceDefaults.Access;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace AgentKernel.AgentBus.Tests.Service;

/// <summary>The bus service on Kestrel, with a voter of the tests in the place of the rules.</summary>
internal sealed class BusServer : IAsyncDisposable
{
    public const string OperatorToken = "the-operators-token";
    public const string ServiceToken = "the-services-token";
    public const string OwnerNonce = "the-owners-nonce";

    private readonly WebApplication _app;

    private BusServer(WebApplication app, Uri http, Uri grpc)
    {
        (_app, Http, Grpc) = (app, http, grpc);
        Channel = new(grpc);
    }

    public Uri Http { get; }

    public Uri Grpc { get; }

    public RpcChannel Channel { get; }

    public static async Task<BusServer> StartAsync(string? home = null, AgentBusOptions? options = null, IVoterKind? rules = null)
    {
        options ??= new();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        builder.Services.AddSingleton(new AccessTokens(OperatorToken, ServiceToken));
        if (home is not null)
        {
            builder.Services.AddSingleton(new DataDirectory(home));
        }

        builder.Services.AddAgentBus(options with { Storage = home is null ? "memory" : "disk" });
        builder.Services.RemoveAll<IVoterKind>();
        builder.Services.AddSingleton(rules ?? new ScriptedVoter());
        var app = builder.Build();
        app.MapAgentBus();
        await app.StartAsync(Patience.Token);
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new Uri(address)).ToList();
        return new(app, addresses[0], addresses[1]);
    }

    /// <summary>Opens a bus as the spawner does.</summary>
    public async Task<BusUser> RegisterAsync(string? busId = null, bool disableSafety = false, string team = "", string nonce = OwnerNonce)
    {
        busId ??= $"helper.{Guid.NewGuid()}";
        var response = await Channel.CallAsync(
            BusAdminMethods.RegisterBus,
            new RegisterBusRequest { BusId = busId, DisableSafety = disableSafety, TeamId = team, OwnerNonceSha256 = ByteString.CopyFrom(SecretToken.Hash(nonce)) },
            new() { BearerToken = ServiceToken },
            Patience.Token);
        return As(busId, response.BusToken);
    }

    public BusUser As(string busId, string secret) => new(Channel, busId, secret);

    public BusUser Operator(string busId) => As(busId, OperatorToken);

    public BusUser Owner(string busId) => As(busId, OwnerNonce);

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }
}
