using System.Diagnostics;
using System.Text;
using AgentKernel.AgentRuntime.Providers;
using AgentKernel.ServiceDefaults.Telemetry;

namespace AgentKernel.AgentRuntime.Telemetry;

/// <summary>One model call: its span, how long until the first piece of the answer and until the last, and what it used.</summary>
internal sealed class ModelCallTelemetry : IDisposable
{
    private readonly AgentTelemetry _telemetry;
    private readonly Activity? _span;
    private readonly long _start = Stopwatch.GetTimestamp();
    private bool _answered;
    private string? _error = "canceled"; // where nothing else ends it
    private ModelEnd? _end;

    public ModelCallTelemetry(AgentTelemetry telemetry, Activity? span)
    {
        (_telemetry, _span) = (telemetry, span);
        if (span is { IsAllDataRequested: true })
        {
            telemetry.Describe(span, GenAi.Chat);
        }
    }

    /// <summary>A piece of the answer has come.</summary>
    public void Chunk()
    {
        if (_answered)
        {
            return;
        }

        _answered = true;
        _telemetry.Metrics?.FirstChunk(Stopwatch.GetElapsedTime(_start), Tags());
    }

    /// <param name="answer">Written down only where the one who runs the agent wants what is said.</param>
    public void Ended(ModelEnd end, string systemPrompt, StringBuilder answer)
    {
        (_end, _error) = (end, null);
        if (_telemetry.CapturesContent && _span is { IsAllDataRequested: true })
        {
            _span.SetTag(GenAi.SystemInstructions, MessageContent.Instructions(systemPrompt));
            _span.SetTag(GenAi.OutputMessages, MessageContent.Message("assistant", answer.ToString()));
        }
    }

    public void Failed(Exception exception) => _error = exception is OperationCanceledException ? "canceled" : exception.GetType().FullName;

    public void Dispose()
    {
        if (_span is { IsAllDataRequested: true })
        {
            AgentTelemetry.SetUsage(_span, _end?.Usage ?? TokenUsage.None);
            if (_end is { } end)
            {
                _span.SetTag(GenAi.ResponseModel, end.Model);
                _span.SetTag(GenAi.FinishReasons, new[] { end.Reason });
            }

            if (_error is not null)
            {
                AgentTelemetry.Fail(_span, _error);
            }
        }

        if (_telemetry.Metrics is { } metrics)
        {
            var tags = Tags(ended: true);
            if (_end is { Usage: var usage })
            {
                metrics.Tokens(usage.Input + usage.CacheRead + usage.CacheWrite, "input", tags);
                metrics.Tokens(usage.Output, "output", tags);
            }

            metrics.Duration(Stopwatch.GetElapsedTime(_start), tags);
        }

        _span?.Dispose();
    }

    private TagList Tags(bool ended = false)
    {
        TagList tags = new()
        {
            { GenAi.OperationName, GenAi.Chat },
            { GenAi.ProviderName, _telemetry.Model.Provider },
            { GenAi.RequestModel, _telemetry.Model.Model },
        };
        if (_end?.Model is { } model)
        {
            tags.Add(GenAi.ResponseModel, model);
        }

        if (ended && _error is not null)
        {
            tags.Add(GenAi.ErrorType, _error);
        }

        return tags;
    }
}
