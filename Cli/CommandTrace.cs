using System.Diagnostics;
using AgentKernel.ServiceDefaults.Telemetry;

namespace AgentKernel.Cli;

/// <summary>
/// The span of a command, from which the kernel's go on: exported as the services' are. It goes on itself from
/// <c>TRACEPARENT</c>, so that a script's trace, or that of the agent whose tool runs the command, holds it.
/// </summary>
internal sealed class CommandTrace : IDisposable
{
    private const string Name = "AgentKernel.Cli";
    private static readonly ActivitySource Source = new(Name);

    private readonly IDisposable? _export;
    private readonly Activity? _span;

    public CommandTrace(string command)
    {
        _export = TelemetryHosting.ExportSpans("agentkernel-cli", Name);
        _ = ActivityContext.TryParse(Environment.GetEnvironmentVariable("TRACEPARENT"), Environment.GetEnvironmentVariable("TRACESTATE"), isRemote: true, out var parent);
        _span = Source.StartActivity(command, ActivityKind.Client, parent);
        if (_span is null && parent != default)
        {
            // Nobody listens here; those behind may.
            _span = new Activity(command) { TraceStateString = parent.TraceState };
            _span.SetParentId(parent.TraceId, parent.SpanId, parent.TraceFlags);
            _span.Start();
        }
    }

    public void Failed(string kind) => _span?.SetTag("error.type", kind).SetStatus(ActivityStatusCode.Error);

    public void Dispose()
    {
        _span?.Dispose();
        _export?.Dispose(); // sends what there is
    }
}
