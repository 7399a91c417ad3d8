using System.Text.Json.Nodes;

namespace AgentKernel.Benchmarks;

/// <summary>A set of measured durations in milliseconds.</summary>
internal sealed class Sample(IEnumerable<double> values)
{
    private readonly double[] _sorted = [.. values.Order()];

    public int Count => _sorted.Length;

    public double Median => Percentile(0.5);

    public double P99 => Percentile(0.99);

    public double Max => _sorted[^1];

    public double Percentile(double share) => _sorted[Math.Min(_sorted.Length - 1, (int)(share * _sorted.Length))];

    public int CountOver(double limit) => _sorted.Count(value => value > limit);

    public JsonObject ToJson() => new()
    {
        ["median_ms"] = Rounded(Median),
        ["p90_ms"] = Rounded(Percentile(0.9)),
        ["p99_ms"] = Rounded(P99),
        ["max_ms"] = Rounded(Max),
        ["count"] = Count,
    };

    public static double Rounded(double value) => Math.Round(value, 3);
}
