using System.Diagnostics;
using System.Diagnostics.Metrics;
using AgentKernel.ServiceDefaults.Telemetry;

namespace AgentKernel.AgentRuntime.Telemetry;

/// <summary>The conventions' metrics of a client of models, with their units and buckets.</summary>
internal sealed class GenAiMetrics : IDisposable
{
    private readonly Meter _meter = new(AgentTelemetry.Name);
    private readonly Histogram<long> _tokens;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _firstChunk;

    public GenAiMetrics()
    {
        _tokens = _meter.CreateHistogram(
            GenAi.TokenUsage, GenAi.TokenUsageUnit, "Tokens that a model call used.", advice: new InstrumentAdvice<long> { HistogramBucketBoundaries = GenAi.TokenBuckets });
        var seconds = new InstrumentAdvice<double> { HistogramBucketBoundaries = GenAi.DurationBuckets };
        _duration = _meter.CreateHistogram(GenAi.OperationDuration, GenAi.Seconds, "How long a model call took.", advice: seconds);
        _firstChunk = _meter.CreateHistogram(GenAi.TimeToFirstChunk, GenAi.Seconds, "From the request to the first piece of the answer.", advice: seconds);
    }

    /// <param name="type"><c>input</c> or <c>output</c>.</param>
    public void Tokens(long count, string type, TagList call)
    {
        call.Add(GenAi.TokenType, type);
        _tokens.Record(count, call);
    }

    public void Duration(TimeSpan duration, in TagList call) => _duration.Record(duration.TotalSeconds, call);

    public void FirstChunk(TimeSpan after, in TagList call) => _firstChunk.Record(after.TotalSeconds, call);

    public void Dispose() => _meter.Dispose();
}
