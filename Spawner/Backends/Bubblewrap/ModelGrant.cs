using System.Text.Json.Nodes;

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
    /// What the agent would take by itself, were it not in a sandbox: its own keys first, then the request's
    /// <c>model_access</c>, then what the kernel's own environment has a key for. Null: no model.
    /// </summary>
    /// <param name="host">Reads a variable of the kernel's own environment.</param>
    public static ModelGrant? Of(AgentSpec spec, Func<string, string?> host)
    {
        var access = spec.ModelAccess;
        var provider = Text(spec.Config, "provider") ?? Given(access?.Provider) ?? ProviderOfFormat(spec.Config);
        // A key is for its own vendor: it must never travel to another.
        var granted = access is { Provider: "" } || access?.Provider == provider ? access : null;
        var key = Text(spec.Config, "api_key") ?? Given(granted?.Credential) ?? OfHost(provider, host);
        var endpoint = Text(spec.Config, "base_url") ?? Given(granted?.Endpoint) ?? Endpoints.GetValueOrDefault(provider);
        return key is null || endpoint is null ? null : new(provider, endpoint, key, access?.Credentials == "pass" || spec.Network.Host);
    }

    /// <summary>Writes into an agent's configuration where the model is and with which key, as the agent is to see it.</summary>
    /// <param name="grant">Null: no key of the configuration leads anywhere, so none is left in it.</param>
    /// <param name="route">The base URL of the model's route inside of the sandbox.</param>
    public static void Write(ModelGrant? grant, JsonObject config, string route)
    {
        if (grant is { Passed: true })
        {
            config["model_access"] = new JsonObject { ["provider"] = grant.Provider, ["endpoint"] = grant.Endpoint, ["credential"] = grant.Credential };
        }
        else if (grant is not null)
        {
            config["model_access"] = new JsonObject { ["provider"] = grant.Provider, ["endpoint"] = route, ["credential"] = Placeholder };
            (config["base_url"], config["api_key"]) = (route, Placeholder); // the agent type's own keys would lead past the route
        }
        else
        {
            (config["model_access"] as JsonObject)?.Remove("credential");
        }
    }

    /// <summary>The entry of the model's host for a list of what is allowed.</summary>
    public string AllowEntry => new Uri(Endpoint).Authority is var host && host.Contains(':', StringComparison.Ordinal) ? host : $"{host}:{new Uri(Endpoint).Port}";

    // The vendor whose format the agent's turns have.
    private static string ProviderOfFormat(JsonObject config) =>
        Text(config, "transport_format") is { } format && Endpoints.ContainsKey(format) ? format : "anthropic";

    private static string? OfHost(string provider, Func<string, string?> host) =>
        provider == "openai" ? Given(host("OPENAI_API_KEY")) ?? Given(host("LLM_API_KEY"))
            : Endpoints.ContainsKey(provider) ? Given(host("LLM_API_KEY"))
            : null;

    private static string? Given(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static string? Text(JsonObject config, string key) =>
        config[key] is JsonValue value && value.TryGetValue(out string? text) && text.Length > 0 ? text : null;
}
