namespace AgentKernel.EndToEnd.Tests;

/// <summary>How long the long tests run: shortened where people wait, in full with <c>AGENTKERNEL_PROOF=full</c>, as the build does.</summary>
internal static class Proof
{
    public static bool InFull { get; } = Environment.GetEnvironmentVariable("AGENTKERNEL_PROOF") == "full";

    /// <summary>The seed of what happens at random: that of <c>AGENTKERNEL_SEED</c>, to see a run again, or a new one.</summary>
    public static int Seed { get; } = int.TryParse(Environment.GetEnvironmentVariable("AGENTKERNEL_SEED"), System.Globalization.CultureInfo.InvariantCulture, out var seed) ? seed : Random.Shared.Next(1_000_000);
}
