/// <summary>What the examples share: a real model where a key is at hand, else the scripted one, which repeats what it is told.</summary>
internal static class ModelChoice
{
    public static string Provider() =>
        Environment.GetEnvironmentVariable("LLM_API_KEY") is { Length: > 0 } ? "anthropic"
        : Environment.GetEnvironmentVariable("OPENAI_API_KEY") is { Length: > 0 } ? "openai"
        : "scripted";

    /// <summary>A data directory of this run's own, in the system's temporary folder.</summary>
    public static string TemporaryHome() => Directory.CreateTempSubdirectory("agentkernel-example-").FullName;
}
