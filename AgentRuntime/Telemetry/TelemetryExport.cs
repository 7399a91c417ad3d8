using AgentKernel.AgentRuntime.Configuration;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace AgentKernel.AgentRuntime.Telemetry;

/// <summary>
/// Sends spans and metrics over OTLP, as the standard variables say. Made after the agent is ready, and only where an
/// endpoint is set: the libraries are not loaded otherwise.
/// </summary>
internal sealed class TelemetryExport : IDisposable
{
    private const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string DisabledVariable = "OTEL_SDK_DISABLED";

    /// <summary>How long the last spans may take: within the 5 s that an agent has for its end.</summary>
    private const int FlushMilliseconds = 2_500;

    private readonly TracerProvider _tracer;
    private readonly MeterProvider _meter;
    private readonly GenAiMetrics _metrics;

    private TelemetryExport(AgentConfig config, AgentTelemetry telemetry, string? headers)
    {
        var resource = ResourceBuilder.CreateDefault().AddService(config.AgentType, serviceInstanceId: config.AgentId).AddEnvironmentVariableDetector();
        _tracer = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(AgentTelemetry.Name, "System.Net.Http").AddOtlpExporter(Configure).Build();
        _meter = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(AgentTelemetry.Name).AddOtlpExporter(Configure).Build();
        telemetry.Metrics = _metrics = new GenAiMetrics();

        void Configure(OtlpExporterOptions options)
        {
            if (headers is not null)
            {
                options.Headers = headers;
            }
        }
    }

    /// <summary>Whether the environment asks for it. Looked at before any meter is made, and without .NET's copy of the environment.</summary>
    public static bool IsWanted() =>
        HostEnvironment.Read(EndpointVariable) is not null
        && !string.Equals(HostEnvironment.Read(DisabledVariable), "true", StringComparison.OrdinalIgnoreCase);

    /// <summary>The runtime's meters are compiled to be off, which saves start-up; this turns them on.</summary>
    public static void AllowMeters() => AppContext.SetSwitch("System.Diagnostics.Metrics.Meter.IsSupported", true);

    /// <param name="headers">What the collector asks for with each request, a secret; null for none.</param>
    public static TelemetryExport Start(AgentConfig config, AgentTelemetry telemetry, string? headers) => new(config, telemetry, headers);

    /// <summary>Sends what is left.</summary>
    public void Dispose()
    {
        Task.WaitAll(Task.Run(() => _tracer.Shutdown(FlushMilliseconds)), Task.Run(() => _meter.Shutdown(FlushMilliseconds)));
        _tracer.Dispose();
        _meter.Dispose();
        _metrics.Dispose(); // last: figures of a meter that is gone are not sent
    }
}
