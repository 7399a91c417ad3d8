namespace AgentKernel.AgentBus.Voters.Models;

/// <summary>The keys that LLM voters call models with: the bus service's own, never an agent's.</summary>
internal sealed record ModelKeys(string? Anthropic, string? OpenAI)
{
    public static ModelKeys FromEnvironment()
    {
        var any = Read("LLM_API_KEY");
        return new(any, Read("OPENAI_API_KEY") ?? any);
    }

    // A record prints its members; these are keys.
    public override string ToString() => nameof(ModelKeys);

    private static string? Read(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;
}
