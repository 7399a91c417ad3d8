using AgentKernel.AgentRuntime.Configuration;
using AgentKernel.AgentRuntime.Providers.Anthropic;
using AgentKernel.AgentRuntime.Providers.OpenAI;
using AgentKernel.AgentRuntime.Providers.Scripted;

namespace AgentKernel.AgentRuntime.Providers;

/// <summary>The providers that there are, by the name in the configuration.</summary>
internal static class ModelProviders
{
    public static IModelProvider Create(ModelSettings settings) => settings.Provider switch
    {
        "scripted" => new ScriptedProvider(settings.ScriptedDelay),
        "anthropic" => new AnthropicProvider(settings),
        "openai" => new OpenAIProvider(settings),
        _ => throw new ConfigException($"config key 'provider' is '{settings.Provider}'"),
    };

    /// <summary>What has to be set before turns can run; null when nothing is missing.</summary>
    public static string? Missing(ModelSettings settings) => settings switch
    {
        { Provider: "scripted" } or { ApiKey: not null } => null,
        { Provider: "openai" } => "no model configured: set api_key, model_access.credential, or OPENAI_API_KEY or LLM_API_KEY in the host's environment",
        _ => "no model configured: set api_key, model_access.credential, or LLM_API_KEY in the host's environment",
    };
}
