using System.Net;
using System.Text;
using System.Text.Json;
using AgentKernel.Rpc;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgentKernel.AgentGateway.Tests.Peers;

/// <summary>The gateway under test on real ports, as a host would run it, with clients for both.</summary>
internal sealed class Gateway : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Gateway(WebApplication app, LogSink log)
    {
        (_app, Log) = (app, log);
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToArray();
        Http = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new(addresses[0]), Timeout = Timeout.InfiniteTimeSpan };
        Channel = new(new(addresses[1]));
    }

    public HttpClient Http { get; }

    public RpcChannel Channel { get; }

    public LogSink Log { get; }

    /// <summary>Starts a gateway; it watches the spawner when this returns.</summary>
    public static async Task<Gateway> StartAsync(
        FakeSpawner spawner, TimeProvider? time = null, Func<AgentGatewayOptions, AgentGatewayOptions>? configure = null, bool watching = true)
    {
        var log = new LogSink();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        builder.Logging.SetMinimumLevel(LogLevel.Debug).AddFilter("Microsoft", LogLevel.Warning).AddProvider(log);
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(time ?? TimeProvider.System);
        var options = new AgentGatewayOptions { ServiceToken = FakeSpawner.ServiceToken };
        builder.Services.AddAgentGateway(configure?.Invoke(options) ?? options, () => spawner.Address);
        var app = builder.Build();
        app.MapAgentGateway();
        await app.StartAsync();
        var gateway = new Gateway(app, log);
        if (watching)
        {
            await log.SeenAsync("Watching the spawner's agents");
        }

        return gateway;
    }

    /// <summary>Sends a body as it stands.</summary>
    public async Task<HttpResponseMessage> PostAsync(string path, HttpContent content, string? bearer = null, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        if (bearer is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {bearer}");
        }

        return await Wait.ForAsync(
            Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken), $"an answer to {path}", () => Log.All);
    }

    public Task<HttpResponseMessage> PostAsync(string path, string json, string? bearer = null) =>
        PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"), bearer);

    /// <summary>Asks for a turn.</summary>
    public Task<HttpResponseMessage> TurnAsync((string Id, string Nonce) agent, string body = "hello", CancellationToken cancellationToken = default) =>
        PostAsync("/v1/turn", new StringContent(
            $$"""{"agent_id":"{{agent.Id}}","nonce":"{{agent.Nonce}}","body":{{JsonSerializer.Serialize(body)}}}"""), cancellationToken: cancellationToken);

    /// <summary>Asks for a turn and reads its stream.</summary>
    public async Task<EventReader> StreamAsync((string Id, string Nonce) agent, string body = "hello", CancellationToken cancellationToken = default) =>
        await EventReader.OpenAsync(await TurnAsync(agent, body, cancellationToken));

    /// <summary>Begins to stop; completes when it has stopped.</summary>
    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        Channel.Dispose();
        await _app.DisposeAsync();
    }
}
