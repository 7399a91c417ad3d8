namespace AgentKernel.Egress;

/// <summary>How a model's API wants its key.</summary>
public enum ModelKeyHeader
{
    /// <summary><c>Authorization: Bearer</c>.</summary>
    Bearer,

    /// <summary><c>x-api-key</c>.</summary>
    ApiKey,
}

/// <summary>The one model API that a route leads to, and the key for it. It prints itself without the key.</summary>
public sealed class ModelEndpoint
{
    private const string AnthropicLoginToken = "sk-ant-oat";

    /// <param name="baseUrl">What paths are appended to; <c>http</c> or <c>https</c>, without user, query or fragment.</param>
    /// <param name="key">The real key: visible ASCII.</param>
    /// <exception cref="ArgumentException">One of them is malformed; the message names it and does not hold the key.</exception>
    public ModelEndpoint(string baseUrl, ModelKeyHeader keyHeader, string key)
    {
        if (!Uri.TryCreate(baseUrl, UriKind.Absolute, out var url) || (url.Scheme != Uri.UriSchemeHttps && url.Scheme != Uri.UriSchemeHttp)
            || url.UserInfo.Length > 0 || url.Query.Length > 0 || url.Fragment.Length > 0)
        {
            throw new ArgumentException("the model's endpoint must be an http or https URL without user, query and fragment", nameof(baseUrl));
        }

        if (key.Length == 0 || !key.All(c => c is > ' ' and < '\x7f'))
        {
            throw new ArgumentException("the model's key must be visible ASCII characters", nameof(key));
        }

        (BaseUrl, KeyHeader, Key) = (url, keyHeader, key);
    }

    /// <summary>What paths are appended to.</summary>
    public Uri BaseUrl { get; }

    /// <summary>Where the key goes.</summary>
    public ModelKeyHeader KeyHeader { get; }

    internal string Key { get; }

    /// <summary>As that provider wants it: Anthropic takes keys in <c>x-api-key</c> and login tokens as bearer; all others take bearer.</summary>
    /// <param name="provider"><c>anthropic</c>, <c>openai</c> or one that speaks its protocol.</param>
    /// <exception cref="ArgumentException">The endpoint or the key is malformed.</exception>
    public static ModelEndpoint For(string provider, string baseUrl, string key) =>
        new(baseUrl, provider == "anthropic" && !key.StartsWith(AnthropicLoginToken, StringComparison.Ordinal) ? ModelKeyHeader.ApiKey : ModelKeyHeader.Bearer, key);

    /// <inheritdoc/>
    public override string ToString() => BaseUrl.ToString();
}
