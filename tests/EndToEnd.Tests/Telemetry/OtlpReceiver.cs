using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net;
using System.Text;
using AgentKernel.EndToEnd.Tests.Telemetry.Otlp;
using AgentKernel.Rpc;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AgentKernel.EndToEnd.Tests.Telemetry;

/// <summary>A collector: takes OTLP over gRPC on one port and over HTTP with protobuf on another, and keeps what came.</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private const string Collector = "opentelemetry.proto.collector.";
    private static readonly UnaryMethod<ExportTraces, Exported> Traces = new(Collector + "trace.v1.TraceService", "Export", ExportTraces.Parser, Exported.Parser);
    private static readonly UnaryMethod<ExportMetrics, Exported> MetricsMethod = new(Collector + "metrics.v1.MetricsService", "Export", ExportMetrics.Parser, Exported.Parser);
    private static readonly UnaryMethod<ExportLogs, Exported> LogsMethod = new(Collector + "logs.v1.LogsService", "Export", ExportLogs.Parser, Exported.Parser);

    private readonly WebApplication _app;
    private readonly ConcurrentQueue<IMessage> _all = [];
    private readonly ConcurrentDictionary<string, bool> _headers = [];

    private OtlpReceiver()
    {
        ListenOptions? http = null, grpc = null;
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => (http = listen).Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, 0, listen => (grpc = listen).Protocols = HttpProtocols.Http2);
        });
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.Services.AddRoutingCore();
        builder.Services.AddRpc();
        _app = builder.Build();
        _app.Use((context, next) =>
        {
            _headers.TryAdd(context.Request.Headers["x-otlp-api-key"].ToString(), true);
            return next(context);
        });
        _app.MapRpc(Traces, (request, _) => KeepAsync(request));
        _app.MapRpc(MetricsMethod, (request, _) => KeepAsync(request));
        _app.MapRpc(LogsMethod, (request, _) => KeepAsync(request));
        MapHttp("/v1/traces", ExportTraces.Parser);
        MapHttp("/v1/metrics", ExportMetrics.Parser);
        MapHttp("/v1/logs", ExportLogs.Parser);
        Listening = StartAsync();

        async Task StartAsync()
        {
            await _app.StartAsync();
            (Http, Grpc) = (new Uri($"http://{http!.IPEndPoint}"), new Uri($"http://{grpc!.IPEndPoint}"));
        }
    }

    public Uri Http { get; private set; } = null!; // known when it listens

    public Uri Grpc { get; private set; } = null!;

    /// <summary>What senders showed as <c>x-otlp-api-key</c>.</summary>
    public IEnumerable<string> Keys => _headers.Keys;

    public IEnumerable<(string Service, SpanRecord Span)> Spans => _all.OfType<ExportTraces>().SelectMany(export => export.ResourceSpans)
        .SelectMany(resource => resource.ScopeSpans.SelectMany(scope => scope.Spans).Select(span => (ServiceOf(resource.Resource), span)));

    public IEnumerable<(string Service, Metric Metric)> Metrics => _all.OfType<ExportMetrics>().SelectMany(export => export.ResourceMetrics)
        .SelectMany(resource => resource.ScopeMetrics.SelectMany(scope => scope.Metrics).Select(metric => (ServiceOf(resource.Resource), metric)));

    public IEnumerable<(string Service, LogRecord Log)> Logs => _all.OfType<ExportLogs>().SelectMany(export => export.ResourceLogs)
        .SelectMany(resource => resource.ScopeLogs.SelectMany(scope => scope.LogRecords).Select(log => (ServiceOf(resource.Resource), log)));

    /// <summary>Everything that came, as one text to search.</summary>
    public string Everything => string.Join('\n', _all.Select(message => Encoding.Latin1.GetString(message.ToByteArray())));

    private Task Listening { get; }

    public static async Task<OtlpReceiver> StartAsync()
    {
        var receiver = new OtlpReceiver();
        await receiver.Listening;
        return receiver;
    }

    /// <summary>The standard variables that send everything here, and nothing before the sender's end.</summary>
    public Dictionary<string, string> Settings(string protocol) => new()
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = (protocol == "grpc" ? Grpc : Http).ToString(),
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol,
        ["OTEL_EXPORTER_OTLP_HEADERS"] = "x-otlp-api-key=the-collectors-key",
        ["OTEL_BSP_SCHEDULE_DELAY"] = "3600000",
        ["OTEL_BLRP_SCHEDULE_DELAY"] = "3600000",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "3600000",
    };

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static string ServiceOf(Resource resource) => resource.Attributes.First(attribute => attribute.Key == "service.name").Value.StringValue;

    private Task<Exported> KeepAsync(IMessage message)
    {
        _all.Enqueue(message);
        return Task.FromResult(new Exported());
    }

    private void MapHttp(string path, MessageParser parser) => _app.MapPost(path, async (HttpContext http) =>
    {
        Assert.Equal("application/x-protobuf", http.Request.ContentType);
        using var body = new MemoryStream();
        await (http.Request.Headers.ContentEncoding == "gzip" ? new GZipStream(http.Request.Body, CompressionMode.Decompress) : http.Request.Body).CopyToAsync(body);
        _all.Enqueue(parser.ParseFrom(body.ToArray()));
        http.Response.ContentType = "application/x-protobuf";
    });
}

internal static class OtlpAttributes
{
    /// <summary>An attribute as text; null where it is not there.</summary>
    public static string? Text(this IEnumerable<KeyValue> attributes, string key) => attributes.FirstOrDefault(attribute => attribute.Key == key)?.Value switch
    {
        null => null,
        { ValueCase: AnyValue.ValueOneofCase.StringValue } value => value.StringValue,
        { ValueCase: AnyValue.ValueOneofCase.IntValue } value => value.IntValue.ToString(System.Globalization.CultureInfo.InvariantCulture),
        { ValueCase: AnyValue.ValueOneofCase.ArrayValue } value => string.Join(',', value.ArrayValue.Values.Select(item => item.StringValue)),
        var value => value.ToString(),
    };
}
