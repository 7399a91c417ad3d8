using System.Text.Json.Nodes;
using AgentKernel.Contracts.V1;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>The model that an agent may use, and the key for it.</summary>
/// <param name="Endpoint">The base URL of the model's API, as the vendor's own SDK takes it.</param>
/// <param name="Passed">Whether the agent is given the key itself, and reaches the model through the proxy.</param>
internal sealed record ModelGrant(string Provider, string Endpoint, string Credential, bool Passed)
{
    /// <summary>What stands in an agent's configuration in place of the key.</summary>
    public const string Placeholder = "kept-outside-of-the-sandbox";

    private static readonly Dictionary<string, string> Endpoints = new(StringComparer.Ordinal)
    {
        ["anthropic"] = "https://api.anthropic.com",
        ["openai"] = "https://api.openai.com/v1",
    };

    // A record prints its members; this one holds a key.
    public override string ToString() => $"{Provider} at {Endpoint}";

    /// <summary>
    /// What the request says, or else what the kernel's own environment has a key for: a <c>local</c> agent would inherit
    /// it, and here the kernel keeps it. Null: no model.
    /// </summary>
    /// <param name="host">Reads a variable of the kernel's own environment.</param>
    public static ModelGrant? Of(AgentSpec spec, Func<string, string?> host)
    {
        if (spec.ModelAccess is { } access)
        {
            var provider = access.Provider.Length > 0 ? access.Provider : ProviderOf(spec.Config);
            return Endpoints.TryGetValue(provider, out var usual)
                ? new(provider, access.Endpoint.Length > 0 ? access.Endpoint : usual, access.Credential, access.Credentials == "pass" || spec.Network.Host)
                : null;
        }

        var wanted = ProviderOf(spec.Config);
        var key = wanted == "openai" ? Variable("OPENAI_API_KEY") ?? Variable("LLM_API_KEY") : Variable("LLM_API_KEY");
        return key is not null && Endpoints.TryGetValue(wanted, out var endpoint)
            ? new(wanted, Text(spec.Config, "base_url") ?? endpoint, key, spec.Network.Host)
            : null;

        string? Variable(string name) => host(name) is { Length: > 0 } value ? value : null;
    }

    /// <summary>Writes into an agent's configuration where the model is and with which key, as the agent is to see it.</summary>
    /// <param name="route">The base URL of the model's route inside of the sandbox.</param>
    public void WriteTo(JsonObject config, string route)
    {
        var (endpoint, credential) = Passed ? (Endpoint, Credential) : (route, Placeholder);
        config["model_access"] = new JsonObject { ["provider"] = Provider, ["endpoint"] = endpoint, ["credential"] = credential };
        if (!Passed && ProviderOf(config) == Provider)
        {
            // Where the agent type's own keys would lead past the route.
            config["base_url"] = route;
            config["api_key"] = Placeholder;
        }
    }

    /// <summary>The entry of the model's host for a list of what is allowed.</summary>
    public string AllowEntry => new Uri(Endpoint).Authority is var host && host.Contains(':', StringComparison.Ordinal) ? host : $"{host}:{new Uri(Endpoint).Port}";

    // An agent type's own key, which says what it would take by itself; otherwise the vendor whose format its turns have.
    private static string ProviderOf(JsonObject config) =>
        Text(config, "provider") ?? (Text(config, "transport_format") is { } format && Endpoints.ContainsKey(format) ? format : "anthropic");

    private static string? Text(JsonObject config, string key) =>
        config[key] is JsonValue value && value.TryGetValue(out string? text) && text.Length > 0 ? text : null;
}
