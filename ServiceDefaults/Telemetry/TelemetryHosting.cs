using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace AgentKernel.ServiceDefaults.Telemetry;

/// <summary>
/// Traces, metrics and logs of a service over OTLP, set up by OpenTelemetry's standard variables alone
/// (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, <c>OTEL_EXPORTER_OTLP_PROTOCOL</c>, <c>OTEL_SERVICE_NAME</c>,
/// <c>OTEL_RESOURCE_ATTRIBUTES</c>, <c>OTEL_TRACES_SAMPLER</c>, …).
/// </summary>
public static class TelemetryHosting
{
    /// <summary>The variable without which nothing is exported.</summary>
    public const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    // Each call to the next service: without it the trace would have a hole there.
    private const string HttpClients = "System.Net.Http";
    private const string DisabledVariable = "OTEL_SDK_DISABLED";

    /// <summary>Adds export where an endpoint is set; elsewhere nothing is loaded and nothing is measured.</summary>
    /// <param name="builder">The program.</param>
    /// <param name="serviceName">Its name where <c>OTEL_SERVICE_NAME</c> gives none.</param>
    public static TBuilder AddTelemetry<TBuilder>(this TBuilder builder, string serviceName)
        where TBuilder : IHostApplicationBuilder
    {
        if (!IsWanted())
        {
            return builder;
        }

        // The web server's own spans carry the conventions' attributes only where this is off; it is on by default.
        AppContext.SetSwitch("Microsoft.AspNetCore.Hosting.SuppressActivityOpenTelemetryData", false);
        builder.Logging.AddOpenTelemetry(logs =>
        {
            logs.IncludeScopes = true;
            logs.IncludeFormattedMessage = true;
            logs.SetResourceBuilder(ResourceOf(serviceName)).AddOtlpExporter();
        });
        builder.Services.AddHostedService(_ => new TelemetryExport(ResourceOf(serviceName)));
        return builder;
    }

    /// <summary>Exports the spans of a program that is not hosted, such as a command, until it is disposed; null where nothing is to be exported.</summary>
    /// <param name="serviceName">Its name where <c>OTEL_SERVICE_NAME</c> gives none.</param>
    /// <param name="source">The source of its spans.</param>
    public static IDisposable? ExportSpans(string serviceName, string source) =>
        IsWanted()
            ? Sdk.CreateTracerProviderBuilder().SetResourceBuilder(ResourceOf(serviceName)).AddSource(source, HttpClients).AddOtlpExporter().Build()
            : null;

    private static bool IsWanted() =>
        !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(EndpointVariable))
        && !string.Equals(Environment.GetEnvironmentVariable(DisabledVariable), "true", StringComparison.OrdinalIgnoreCase);

    private static ResourceBuilder ResourceOf(string serviceName) =>
        ResourceBuilder.CreateDefault().AddService(serviceName).AddEnvironmentVariableDetector();

    /// <summary>Listens from the program's start to its end, and sends what is left then.</summary>
    private sealed class TelemetryExport(ResourceBuilder resource) : IHostedLifecycleService, IDisposable
    {
        private static readonly string[] Own = ["AgentKernel.*"];
        private TracerProvider? _tracer;
        private MeterProvider? _meter;

        // Before any other service starts, whose first spans would be lost.
        public Task StartingAsync(CancellationToken cancellationToken)
        {
            _tracer = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource)
                .AddSource(Own).AddSource("Microsoft.AspNetCore", HttpClients)
                .AddProcessor(new WithoutHousekeeping()).AddOtlpExporter().Build();
            _meter = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource)
                .AddMeter(Own).AddMeter("Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime").AddOtlpExporter().Build();
            return Task.CompletedTask;
        }

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        // After the last request.
        public Task StoppedAsync(CancellationToken cancellationToken) => Task.Run(Dispose, cancellationToken);

        public void Dispose()
        {
            _tracer?.Dispose();
            _meter?.Dispose();
        }
    }

    /// <summary>Leaves out what services ask each other all the time and nobody asked for.</summary>
    private sealed class WithoutHousekeeping : BaseProcessor<Activity>
    {
        private static readonly string[] Routes = ["/health", "/alive", "/ReportActivity", "/WatchAgents"];

        public override void OnEnd(Activity data)
        {
            if ((data.GetTagItem("url.path") ?? data.GetTagItem("url.full")) is string url && Array.Exists(Routes, route => url.EndsWith(route, StringComparison.Ordinal)))
            {
                data.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
            }
        }
    }
}
