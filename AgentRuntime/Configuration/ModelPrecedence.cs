namespace AgentKernel.AgentRuntime.Configuration;

/// <summary>API keys that the host's environment offers.</summary>
internal sealed record ModelKeys(string? AnyProvider, string? OpenAI)
{
    // A record prints its members; these are keys.
    public override string ToString() => nameof(ModelKeys);
}

/// <summary>Whose word counts for the model: the agent's own keys, then the kernel's model_access, then the environment.</summary>
internal static class ModelPrecedence
{
    private static readonly string[] s_providers = ["anthropic", "openai", "scripted"];

    public static ModelSettings Resolve(ConfigKeys own, ConfigKeys? access, ModelKeys environment)
    {
        var accessProvider = access?.OneOf("provider", s_providers);
        var provider = own.OneOf("provider", s_providers) ?? accessProvider ?? "anthropic";
        // A credential is for its own vendor: one vendor's key must never travel to another.
        var granted = accessProvider is null || accessProvider == provider ? access : null;
        return new ModelSettings
        {
            Provider = provider,
            Model = own.Text("model") ?? DefaultModel(provider),
            Thinking = own.OneOf("thinking_level", "none", "low", "medium", "high") switch
            {
                "low" => ThinkingLevel.Low,
                "medium" => ThinkingLevel.Medium,
                "high" => ThinkingLevel.High,
                _ => ThinkingLevel.None,
            },
            ApiKey = own.Text("api_key") ?? granted?.Text("credential") ?? FromEnvironment(provider, environment),
            BaseUrl = BaseUrl(own, "base_url") ?? (granted is { } keys ? BaseUrl(keys, "endpoint") : null),
            ScriptedDelay = TimeSpan.FromMilliseconds(own.Whole("scripted_delay_ms", 0, 60_000) ?? 0),
        };
    }

    private static string DefaultModel(string provider) => provider switch
    {
        "openai" => "gpt-4.1",
        "scripted" => "scripted",
        _ => "claude-sonnet-4-5",
    };

    // The vendor's own variable says more than the general one.
    private static string? FromEnvironment(string provider, ModelKeys environment) =>
        provider == "openai" ? environment.OpenAI ?? environment.AnyProvider : environment.AnyProvider;

    private static string? BaseUrl(ConfigKeys keys, string key)
    {
        if (keys.Text(key) is not { } text)
            return null;
        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
            ? text
            : throw new ConfigException($"config key '{key}' must be an absolute http or https URL");
    }
}
