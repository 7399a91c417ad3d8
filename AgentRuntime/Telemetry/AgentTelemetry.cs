using System.Diagnostics;
using System.Diagnostics.Metrics;
using AgentKernel.AgentRuntime.Configuration;
using AgentKernel.AgentRuntime.Conversation;
using AgentKernel.ServiceDefaults.Telemetry;

namespace AgentKernel.AgentRuntime.Telemetry;

/// <summary>
/// What the agent tells of its work: a span for the turn, for each model call and for each tool call, and the
/// conventions' metrics. Where nobody listens, only the caller's trace context is carried on, to the model and the tools.
/// </summary>
internal sealed class AgentTelemetry(AgentConfig config)
{
    /// <summary>The name of the source of spans and of the meter.</summary>
    public const string Name = "AgentKernel.Agent";

    private static readonly ActivitySource Source = new(Name);

    /// <summary>Null where nothing exports: a meter costs the start of an agent what only an exporter wants.</summary>
    public GenAiMetrics? Metrics { get; set; }

    /// <summary>Completes when what exports listens; the first turn may come sooner, and would not be seen.</summary>
    public Task Listening { get; set; } = Task.CompletedTask;

    /// <summary>Whether spans hold what was said, which the conventions leave to the one who runs the agent.</summary>
    public bool CapturesContent { get; init; } =
        string.Equals(Environment.GetEnvironmentVariable(GenAi.CaptureContentVariable), "true", StringComparison.OrdinalIgnoreCase);

    public ModelSettings Model => config.Model;

    /// <summary>Begins the span of a turn under the caller's, whose context came with the request.</summary>
    /// <param name="traceParent">The header <c>traceparent</c>; null where there was none.</param>
    /// <param name="traceState">The header <c>tracestate</c>; null where there was none.</param>
    public Activity? BeginTurn(string? traceParent, string? traceState)
    {
        _ = ActivityContext.TryParse(traceParent, traceState, isRemote: true, out var caller);
        var name = $"{GenAi.InvokeAgent} {config.Name}";
        var span = Source.StartActivity(name, ActivityKind.Internal, caller);
        if (span is null && caller != default)
        {
            // Nobody listens here; those behind may.
            span = new Activity(name) { ActivityTraceFlags = caller.TraceFlags, TraceStateString = caller.TraceState };
            span.SetParentId(caller.TraceId, caller.SpanId, caller.TraceFlags);
            span.Start();
        }

        if (span is { IsAllDataRequested: true })
        {
            Describe(span, GenAi.InvokeAgent)
                .SetTag(GenAi.AgentId, config.AgentId)
                .SetTag(GenAi.AgentName, config.Name)
                .SetTag(GenAi.ConversationId, config.AgentId); // an agent has one conversation
        }

        return span;
    }

    /// <summary>Writes down what the turn was asked, where that is wanted.</summary>
    public void Asked(Activity? span, string text)
    {
        if (CapturesContent && span is { IsAllDataRequested: true })
        {
            span.SetTag(GenAi.InputMessages, MessageContent.Message("user", text));
        }
    }

    /// <summary>Begins a model call; the current span is its own until it is disposed.</summary>
    public ModelCallTelemetry BeginModelCall() => new(this, Source.StartActivity($"{GenAi.Chat} {config.Model.Model}", ActivityKind.Client));

    /// <summary>Begins a tool call; the current span is its own until it is disposed.</summary>
    public Activity? BeginTool(string name, string callId, string inputJson)
    {
        var span = Source.StartActivity($"{GenAi.ExecuteTool} {name}");
        if (span is { IsAllDataRequested: true })
        {
            span.SetTag(GenAi.OperationName, GenAi.ExecuteTool)
                .SetTag(GenAi.ToolName, name)
                .SetTag(GenAi.ToolCallId, callId)
                .SetTag(GenAi.ToolType, "function");
            if (CapturesContent)
            {
                span.SetTag(GenAi.ToolCallArguments, inputJson);
            }
        }

        return span;
    }

    /// <summary>Writes down how a tool call ended. An exception is for the one who throws it on.</summary>
    public void EndTool(Activity? span, string output, bool isError)
    {
        if (span is not { IsAllDataRequested: true })
        {
            return;
        }

        if (isError)
        {
            Fail(span, "tool_error");
        }

        if (CapturesContent)
        {
            span.SetTag(GenAi.ToolCallResult, output);
        }
    }

    /// <summary>Marks a span as failed. Its description is the kind of error only: what was said may be a secret.</summary>
    public static void Fail(Activity? span, string errorType) => span?.SetTag(GenAi.ErrorType, errorType).SetStatus(ActivityStatusCode.Error);

    /// <summary>The tags that every operation on a model shares.</summary>
    public Activity Describe(Activity span, string operation) => span
        .SetTag(GenAi.OperationName, operation)
        .SetTag(GenAi.ProviderName, config.Model.Provider)
        .SetTag(GenAi.RequestModel, config.Model.Model);

    /// <summary>Writes down what a turn or a call has used.</summary>
    public static void SetUsage(Activity? span, Providers.TokenUsage usage)
    {
        if (span is { IsAllDataRequested: true })
        {
            // By the conventions input holds what came from the cache and what went into it.
            span.SetTag(GenAi.InputTokens, usage.Input + usage.CacheRead + usage.CacheWrite)
                .SetTag(GenAi.OutputTokens, usage.Output)
                .SetTag(GenAi.CacheReadTokens, usage.CacheRead)
                .SetTag(GenAi.CacheCreationTokens, usage.CacheWrite);
        }
    }
}
