using System.ClientModel;
using System.ClientModel.Primitives;
using System.Text.Json;
using AgentKernel.AgentRuntime.Configuration;
using AgentKernel.AgentRuntime.Tools;
using OpenAI;
using OpenAI.Chat;

namespace AgentKernel.AgentRuntime.Providers.OpenAI;

/// <summary>OpenAI's chat completions, and what speaks like them, through OpenAI's own SDK.</summary>
internal sealed class OpenAIProvider(ModelSettings settings) : IModelProvider
{
    private const int MaxRetries = 3;

    // A model that thinks may be silent for long, and the SDK's own limit is 100 s.
    private static readonly TimeSpan s_networkTimeout = TimeSpan.FromMinutes(10);

    // Loading the SDK takes longer than the whole start of the agent.
    private readonly Lazy<ChatClient> _client = new(() => CreateClient(settings));

    public IModelSession Open(IReadOnlyList<ToolDefinition> tools) => new OpenAISession(_client, settings, tools);

    public void WarmUp() => _ = _client.Value;

    public string? Explain(Exception exception) => exception switch
    {
        ClientResultException { Status: > 0 } refused => $"the model API answered {refused.Status}: {Message(refused)}",
        ClientResultException unreachable => $"the model API cannot be reached: {unreachable.InnerException?.Message ?? unreachable.Message}",
        // After its last try the SDK throws them all.
        AggregateException { InnerExceptions: [.., var last] } => Explain(last),
        HttpRequestException or IOException => $"the connection to the model API broke: {exception.Message}",
        ModelProtocolException protocol => protocol.Message,
        OperationCanceledException or TimeoutException => "the model API did not answer in time",
        JsonException => "the model API's answer is not in its format",
        _ => null,
    };

    // The SDK's own message is several lines of status and headers; the API's sentence is in the body.
    private static string Message(ClientResultException exception)
    {
        try
        {
            if (exception.GetRawResponse()?.Content is { } content)
            {
                using var body = JsonDocument.Parse(content);
                if (body.RootElement.TryGetProperty("error", out var error) && error.TryGetProperty("message", out var message)
                    && message.GetString() is { Length: > 0 } text)
                    return text;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Not the API's own error, perhaps a proxy's page.
        }
        return "(no message)";
    }

    private static ChatClient CreateClient(ModelSettings settings)
    {
        var options = new OpenAIClientOptions
        {
            RetryPolicy = new ClientRetryPolicy(MaxRetries),
            NetworkTimeout = s_networkTimeout,
        };
        if (settings.BaseUrl is { } url)
            options.Endpoint = new Uri(url);
        return new ChatClient(settings.Model, new ApiKeyCredential(settings.ApiKey!), options);
    }
}
