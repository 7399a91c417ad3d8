using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using AgentKernel.AgentRuntime.Configuration;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace AgentKernel.AgentRuntime.Server;

/// <summary>
/// Kestrel without a host: no dependency injection, configuration or logging is set up, which is half of the
/// time that an agent takes to be ready.
/// </summary>
internal sealed partial class ContractServer : IDisposable
{
    private const uint OwnerOnly = 0b001_111_111; // the bits that umask takes away: all but rw for the owner

    private readonly KestrelServerOptions _options = new() { AddServerHeader = false };
    private readonly KestrelServer _server;

    /// <summary>Loads what does not depend on the configuration.</summary>
    public ContractServer()
    {
        // Requests are bounded where they are read, where the answer can name the limit.
        _options.Limits.MaxRequestBodySize = null;
        // A turn may be silent for as long as a tool runs, and its reader may be slow.
        _options.Limits.MinResponseDataRate = null;
        _server = new KestrelServer(
            Options.Create(_options),
            new SocketTransportFactory(Options.Create(new SocketTransportOptions { IOQueueCount = 1 }), NullLoggerFactory.Instance),
            NullLoggerFactory.Instance);
    }

    /// <summary>Where it listens; the port is the real one.</summary>
    public string Address => _server.Features.Get<IServerAddressesFeature>()!.Addresses.First();

    /// <exception cref="ConfigException">The endpoint cannot be listened on.</exception>
    public async Task StartAsync(AgentEndpoint endpoint, RequestDelegate handle, CancellationToken cancellationToken)
    {
        var application = new Application(handle);
        try
        {
            switch (endpoint)
            {
                case UnixSocketEndpoint socket:
                    _options.ListenUnixSocket(socket.Path, listen => listen.Protocols = HttpProtocols.Http1);
                    // A socket file that an agent killed hard has left behind.
                    File.Delete(socket.Path);
                    // By umask, not by chmod afterwards: the socket must not be open to others for a moment.
                    var before = Umask(OwnerOnly);
                    await _server.StartAsync(application, cancellationToken);
                    _ = Umask(before);
                    break;
                case LoopbackEndpoint loopback:
                    _options.Listen(IPAddress.Loopback, loopback.Port, listen => listen.Protocols = HttpProtocols.Http1);
                    await _server.StartAsync(application, cancellationToken);
                    break;
            }
        }
        catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ConfigException($"cannot listen on {endpoint}: {e.Message}");
        }
    }

    /// <summary>Stops accepting, and waits for running requests until the token is cancelled; then they are aborted.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => _server.StopAsync(cancellationToken);

    public void Dispose() => _server.Dispose();

    private sealed class Application(RequestDelegate handle) : IHttpApplication<HttpContext>
    {
        public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

        public Task ProcessRequestAsync(HttpContext context) => handle(context);

        public void DisposeContext(HttpContext context, Exception? exception) { }
    }

    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial uint Umask(uint mask);
}
