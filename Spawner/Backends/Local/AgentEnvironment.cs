namespace AgentKernel.Spawner.Backends.Local;

/// <summary>The environment of an agent: built from nothing, by an allow-list.</summary>
internal static class AgentEnvironment
{
    /// <summary>The only secrets of the host that agents get.</summary>
    public static readonly IReadOnlyList<string> ForwardedKeys = ["LLM_API_KEY", "OPENAI_API_KEY", "OTEL_EXPORTER_OTLP_HEADERS"];

    private static readonly string[] Forwarded =
    [
        "LANG", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
        "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_SDK_DISABLED",
        "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_METRIC_EXPORT_INTERVAL",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", .. ForwardedKeys,
    ];

    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <param name="host">Reads a variable of the kernel's own environment.</param>
    /// <param name="home">The agent's workspace, which is its HOME.</param>
    public static Dictionary<string, string> Build(Func<string, string?> host, AgentSpec spec, string home)
    {
        var environment = new Dictionary<string, string> { ["PATH"] = host("PATH") ?? DefaultPath, ["HOME"] = home };
        foreach (var name in Forwarded)
        {
            if (host(name) is { Length: > 0 } value)
            {
                environment[name] = value;
            }
        }

        foreach (var (name, value) in spec.Type.Environment.Concat(spec.Environment))
        {
            environment[name] = value;
        }

        return environment;
    }
}
