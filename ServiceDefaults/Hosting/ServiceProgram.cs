using System.Globalization;
using AgentKernel.ServiceDefaults.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AgentKernel.ServiceDefaults.Hosting;

/// <summary>What every service that runs as a program of its own begins with.</summary>
public static class ServiceProgram
{
    /// <summary>The environment variable for the port of HTTP/1.1, where an orchestrator chooses it.</summary>
    public const string HttpPortVariable = "HTTP_PORT";

    /// <summary>The environment variable for the port of gRPC, where an orchestrator chooses it.</summary>
    public const string GrpcPortVariable = "GRPC_PORT";

    /// <summary>Builds and runs a service until a signal ends it. A setting that is wrong is said in a line, without a stack trace.</summary>
    /// <param name="name">What it is called in telemetry, where <c>OTEL_SERVICE_NAME</c> does not say.</param>
    /// <param name="args">The program's arguments.</param>
    /// <param name="httpPort">The port for HTTP/1.1 where nothing else is said.</param>
    /// <param name="grpcPort">The port for gRPC where nothing else is said.</param>
    /// <param name="add">Adds the service.</param>
    /// <param name="map">Maps its routes.</param>
    /// <returns>The program's exit code.</returns>
    public static async Task<int> RunAsync(string name, string[] args, int httpPort, int grpcPort, Action<WebApplicationBuilder> add, Action<WebApplication> map)
    {
        try
        {
            var builder = CreateBuilder(args, httpPort, grpcPort);
            builder.AddTelemetry(name);
            add(builder);
            await using var app = builder.Build();
            app.MapServiceHealth();
            map(app);
            await app.RunAsync();
            return 0;
        }
        catch (Exception exception) when (exception is InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return 1;
        }
    }

    /// <summary>
    /// A builder with two endpoints on loopback, <c>http</c> for HTTP/1.1 and <c>grpc</c> for HTTP/2: without TLS a port
    /// cannot serve both. Everything in Kestrel's section of the configuration goes before that, so that
    /// <c>Kestrel__Endpoints__http__Url=https://…</c> with <c>Kestrel__Certificates__Default__Path</c> gives TLS, and
    /// <c>Protocols=Http1AndHttp2</c> both on one port. Defaults stand in code and not in an appsettings.json, which
    /// would travel into every program that references a service as a library.
    /// </summary>
    /// <param name="args">The program's arguments.</param>
    /// <param name="httpPort">The port for HTTP/1.1 where nothing else is said.</param>
    /// <param name="grpcPort">The port for gRPC where nothing else is said.</param>
    /// <exception cref="InvalidOperationException">A port is none; the message names the variable.</exception>
    public static WebApplicationBuilder CreateBuilder(string[] args, int httpPort, int grpcPort)
    {
        var builder = WebApplication.CreateSlimBuilder(args);
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource
        {
            InitialData = new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["Kestrel:Endpoints:http:Url"] = Loopback(builder.Configuration, HttpPortVariable, httpPort),
                ["Kestrel:Endpoints:http:Protocols"] = "Http1",
                ["Kestrel:Endpoints:grpc:Url"] = Loopback(builder.Configuration, GrpcPortVariable, grpcPort),
                ["Kestrel:Endpoints:grpc:Protocols"] = "Http2",
                ["Logging:LogLevel:Microsoft.AspNetCore"] = "Warning",
            },
        });
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // A caller may read a stream as slowly as it likes, within the service's own limits; on HTTP/2 Kestrel's would
            // end the whole connection, and every other call on it, for one slow reader.
            kestrel.Limits.MinResponseDataRate = null;
        });
        if (KernelLogLevel.FromEnvironment() is { } level)
        {
            builder.Logging.SetMinimumLevel(level);
        }

        builder.Logging.AddSimpleConsole(console => console.SingleLine = true);
        builder.Services.AddHealthChecks();
        return builder;
    }

    private static string Loopback(ConfigurationManager configuration, string variable, int port)
    {
        if (configuration[variable] is { Length: > 0 } chosen && !(int.TryParse(chosen, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port <= ushort.MaxValue))
        {
            throw new InvalidOperationException($"{variable} is '{chosen}'; it must be a port, 0 to 65535");
        }

        return $"http://127.0.0.1:{port}";
    }
}
