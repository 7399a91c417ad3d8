using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using AgentKernel.Rpc.Tests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

[assembly: AssemblyFixture(typeof(EchoServer))]

namespace AgentKernel.Rpc.Tests;

/// <summary>The echo service on Kestrel: HTTP/1.1, HTTP/2 in the clear, both over TLS, and a unix socket.</summary>
public sealed class EchoServer : IAsyncLifetime
{
    public const int MaxReceiveMessageBytes = 256 * 1024;

    private readonly LogCollector _logs = new();
    private readonly X509Certificate2 _certificate = CreateCertificate();
    private WebApplication? _app;

    internal Signals Signals { get; } = new();

    internal Uri Http1 { get; private set; } = null!; // InitializeAsync comes first
    internal Uri Http2 { get; private set; } = null!;
    internal Uri Tls { get; private set; } = null!;
    internal string UnixSocket { get; } = Path.Combine(Path.GetTempPath(), $"rpc-tests-{Guid.NewGuid():N}.sock");

    internal IReadOnlyCollection<string> Logs => _logs.Lines;

    /// <summary>Trusts the server's certificate and no other.</summary>
    internal SocketsHttpHandler CreateTlsHandler() => new()
    {
        SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.GetCertHashString() == _certificate.GetCertHashString() },
    };

    /// <summary>Waits for a step of a test; a failure names the step and shows what the server logged.</summary>
    internal async Task<T> WithinAsync<T>(Task<T> step, string what)
    {
        await WithinAsync((Task)step, what);
        return await step;
    }

    internal async Task WithinAsync(Task step, string what)
    {
        try
        {
            await step.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"Waited {Patience.Limit} for: {what}. The server logged:\n{string.Join('\n', Logs)}");
        }
    }

    public async ValueTask InitializeAsync()
    {
        ListenOptions? http1 = null, http2 = null, tls = null;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(_logs);
        builder.Services.AddRpc(o => o.MaxReceiveMessageBytes = MaxReceiveMessageBytes);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, o => (http1 = o).Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, 0, o => (http2 = o).Protocols = HttpProtocols.Http2);
            kestrel.Listen(IPAddress.Loopback, 0, o => (tls = o).UseHttps(_certificate).Protocols = HttpProtocols.Http1AndHttp2);
            kestrel.ListenUnixSocket(UnixSocket, o => o.Protocols = HttpProtocols.Http2);
        });
        _app = builder.Build();
        new EchoService(Signals).Map(_app);
        // Servers and proxies that are no gRPC servers.
        _app.MapPost("/http/{status:int}", (int status) => Results.StatusCode(status));
        _app.MapPost("/http/silent", http =>
        {
            http.Response.ContentType = "application/grpc";
            return Task.CompletedTask;
        });
        await _app.StartAsync(TestContext.Current.CancellationToken);
        Http1 = new Uri($"http://{http1!.IPEndPoint}"); // set by the callbacks above, which StartAsync has run
        Http2 = new Uri($"http://{http2!.IPEndPoint}");
        Tls = new Uri($"https://{tls!.IPEndPoint}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
            await _app.DisposeAsync();
        _certificate.Dispose();
        _logs.Dispose();
    }

    private static X509Certificate2 CreateCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        var request = new CertificateRequest("CN=rpc-tests", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(names.Build());
        var now = DateTimeOffset.UtcNow;
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }

    private sealed class LogCollector : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue($"{logLevel}: {formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}
