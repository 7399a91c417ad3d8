namespace AgentKernel.Examples;

/// <summary>What the examples share: a real model where a key is at hand, else the scripted one, which repeats what it is told.</summary>
internal static class ModelChoice
{
    public static string Provider() =>
        Environment.GetEnvironmentVariable("LLM_API_KEY") is { Length: > 0 } ? "anthropic"
        : Environment.GetEnvironmentVariable("OPENAI_API_KEY") is { Length: > 0 } ? "openai"
        : "scripted";
}
