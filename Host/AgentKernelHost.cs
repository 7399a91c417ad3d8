using System.Net;
using AgentKernel.AgentBus;
using AgentKernel.AgentGateway;
using AgentKernel.Client;
using AgentKernel.ServiceDefaults;
using AgentKernel.ServiceDefaults.Access;
using AgentKernel.ServiceDefaults.Hosting;
using AgentKernel.ServiceDefaults.Telemetry;
using AgentKernel.Spawner;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace AgentKernel.Host;

/// <summary>A whole kernel in this process: all services on two loopback ports, and a client that is connected to them.</summary>
/// <example>
/// <code>
/// await using var kernel = await AgentKernelHost.StartAsync();
/// var agent = await kernel.Client.Spawner.SpawnAsync("helper", new OpenClawSpawnInfo());
/// Console.WriteLine(await kernel.Client.AskAsync(agent, "Hello"));
/// </code>
/// </example>
public sealed class AgentKernelHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly DataDirectory _home;
    private readonly bool _ephemeral;

    private AgentKernelHost(WebApplication app, DataDirectory home, bool ephemeral, KernelEndpoints endpoints, string operatorToken)
    {
        (_app, _home, _ephemeral, Endpoints, OperatorToken) = (app, home, ephemeral, endpoints, operatorToken);
        Client = new(endpoints.Grpc, operatorToken);
    }

    /// <summary>A client of this kernel, with the operator's token. Disposed with the host.</summary>
    public AgentKernelClient Client { get; }

    /// <summary>Where it listens.</summary>
    public KernelEndpoints Endpoints { get; }

    /// <summary>Its data directory.</summary>
    public string Home => _home.Path;

    /// <summary>What operators present to it.</summary>
    public string OperatorToken { get; }

    /// <summary>Starts a kernel and returns when it serves. Agents that an earlier one on the same data directory left are taken up again.</summary>
    /// <exception cref="InvalidOperationException">Another kernel runs on the data directory, or a setting is wrong.</exception>
    /// <exception cref="IOException">A port is taken.</exception>
    public static async Task<AgentKernelHost> StartAsync(AgentKernelHostOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new();
        var home = new DataDirectory(options.Ephemeral ? Directory.CreateTempSubdirectory("agentkernel-").FullName : options.Home);
        WebApplication? app = null;
        try
        {
            var tokens = new AccessTokens(options.OperatorToken ?? home.OperatorToken(), home.ServiceToken());
            app = Build(options, home, tokens, spawner: () => AddressOf(app!, 1));
            app.MapServiceHealth();
            app.MapSpawner();
            app.MapAgentGateway();
            app.MapAgentBus();
            await app.StartAsync(cancellationToken);
            var endpoints = new KernelEndpoints(AddressOf(app, 0), AddressOf(app, 1), Environment.ProcessId);
            endpoints.Write(home);
            return new(app, home, options.Ephemeral, endpoints, tokens.Operator);
        }
        catch
        {
            await StopAsync(app, options.Ephemeral, home);
            throw;
        }
    }

    /// <summary>Stops serving, ends all agents unless the options say otherwise, and lets go of the data directory.</summary>
    public async ValueTask DisposeAsync()
    {
        KernelEndpoints.Delete(_home);
        Client.Dispose();
        await StopAsync(_app, _ephemeral, _home);
    }

    private static WebApplication Build(AgentKernelHostOptions options, DataDirectory home, AccessTokens tokens, Func<Uri> spawner)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // A caller may read a turn as slowly as it likes, within the gateway's own limits; on HTTP/2 Kestrel's would
            // end the whole connection, and every other call on it, for one slow reader.
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(options.Http, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(options.Grpc, listen => listen.Protocols = HttpProtocols.Http2);
        });
        builder.Logging.SetMinimumLevel(options.LogLevel ?? KernelLogLevel.FromEnvironment() ?? LogLevel.Warning);
        builder.Logging.AddSimpleConsole(console => console.SingleLine = true);
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.AddTelemetry("agentkernel");
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>(); // signals are the embedding program's to handle
        builder.Services.AddSingleton(home);
        builder.Services.AddSingleton(tokens);
        builder.Services.AddSpawner(options.Spawner, agentBus: spawner); // all services share one address
        builder.Services.AddAgentBus(options.Bus);
        builder.Services.AddAgentGateway(options.Gateway with { ServiceToken = tokens.Service }, spawner);
        return builder.Build();
    }

    private static async Task StopAsync(WebApplication? app, bool ephemeral, DataDirectory home)
    {
        try
        {
            if (app is not null)
            {
                await using (app)
                {
                    await app.StopAsync();
                }
            }
        }
        finally
        {
            if (ephemeral)
            {
                Directory.Delete(home.Path, recursive: true);
            }
        }
    }

    // In the order in which they were told to listen: HTTP, then gRPC.
    private static Uri AddressOf(WebApplication app, int index) =>
        new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ElementAt(index));

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
