using System.Text.Json;
using AgentKernel.AgentRuntime.Configuration;
using AgentKernel.AgentRuntime.Tools;
using Anthropic;
using Anthropic.Core;
using Anthropic.Exceptions;

namespace AgentKernel.AgentRuntime.Providers.Anthropic;

/// <summary>Anthropic's Messages API through its own SDK.</summary>
internal sealed class AnthropicProvider(ModelSettings settings) : IModelProvider
{
    private const int MaxRetries = 3;

    // Loading the SDK takes longer than the whole start of the agent.
    private readonly Lazy<AnthropicClient> _client = new(() => CreateClient(settings));

    public IModelSession Open(IReadOnlyList<ToolDefinition> tools) => new AnthropicSession(_client, settings, tools);

    public void WarmUp() => _ = _client.Value;

    public string? Explain(Exception exception) => exception switch
    {
        AnthropicApiException refused => $"the model API answered {(int)refused.StatusCode}: {Message(refused)}",
        AnthropicServiceException failed => $"the model API broke off its answer: {Message(failed)}",
        AnthropicIOException { InnerException: { } io } => $"the model API cannot be reached: {io.Message}",
        AnthropicException other => $"the model API cannot be used: {other.Message}",
        HttpRequestException or IOException => $"the connection to the model API broke: {exception.Message}",
        ModelProtocolException protocol => protocol.Message,
        OperationCanceledException => "the model API did not answer in time",
        JsonException => "the model API's answer is not in its format",
        _ => null,
    };

    private static string Message(AnthropicServiceException exception) => exception.ApiMessage is { Length: > 0 } message ? message : "(no message)";

    private static AnthropicClient CreateClient(ModelSettings settings)
    {
        var options = new ClientOptions
        {
            // The API wants keys in x-api-key; what the SDK calls ApiKey goes out as a bearer token.
            ApiKey = null,
            AuthToken = null,
            ExtraHeaders = new Dictionary<string, string> { ["x-api-key"] = settings.ApiKey! },
            MaxRetries = MaxRetries,
        };
        if (settings.BaseUrl is { } url)
            options.BaseUrl = url.TrimEnd('/');
        return new AnthropicClient(options);
    }
}
