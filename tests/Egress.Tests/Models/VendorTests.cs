using System.ClientModel;
using System.ClientModel.Primitives;
using System.Text;
using Anthropic;
using Anthropic.Core;
using Anthropic.Models.Messages;
using OpenAI;
using OpenAI.Chat;

namespace AgentKernel.Egress.Tests.Models;

/// <summary>The vendors' own clients with a placeholder, through a route to a server behind TLS.</summary>
public sealed class VendorTests
{
    private static readonly string[] AnthropicEvents =
    [
        Event("message_start", """{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":6,"output_tokens":1}}}"""),
        Event("content_block_start", """{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"""),
        Event("content_block_delta", """{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hel"}}"""),
        Event("content_block_delta", """{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lo"}}"""),
        Event("content_block_stop", """{"type":"content_block_stop","index":0}"""),
        Event("message_delta", """{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}"""),
        Event("message_stop", """{"type":"message_stop"}"""),
    ];

    private static readonly string[] OpenAIEvents =
    [
        """data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"hel"},"finish_reason":null}]}""" + "\n\n",
        """data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}""" + "\n\n",
        "data: [DONE]\n\n",
    ];

    [Fact]
    public async Task Anthropic_Streams_WithTheRealKey()
    {
        await using var server = await ModelServer.StartAsync(ModelServer.Events(AnthropicEvents));
        await using var route = await RunningRoute.StartAsync(server, "anthropic");
        using var client = new AnthropicClient(new ClientOptions { HttpClient = route.Client, BaseUrl = "http://127.0.0.1:3129", ApiKey = RunningRoute.Placeholder, MaxRetries = 0 });

        var text = new StringBuilder();
        await foreach (var streamed in client.Messages.CreateStreaming(new MessageCreateParams { Model = "m", MaxTokens = 10, Messages = [new UserMessageParam { Content = "hi" }] }, Patience.Token))
        {
            if (streamed.TryPickContentBlockDelta(out var delta) && delta.Delta.TryPickText(out var piece))
            {
                text.Append(piece.Text);
            }
        }

        Assert.Equal("hello", text.ToString());
        var (line, headers) = Assert.Single(server.Requests);
        Assert.Equal("POST /v1/messages HTTP/2", line);
        Assert.Equal(RunningRoute.Key, headers["x-api-key"]);
        AssertNoPlaceholder(headers);
        Assert.False(headers.ContainsKey("Authorization"));
        Assert.Contains("anthropic-version", headers.Keys);
        Assert.DoesNotContain(RunningRoute.Key, route.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenAI_Streams_WithTheRealKey()
    {
        await using var server = await ModelServer.StartAsync(ModelServer.Events(OpenAIEvents));
        await using var route = await RunningRoute.StartAsync(server, "openai", "/v1");
        var client = new ChatClient("m", new ApiKeyCredential(RunningRoute.Placeholder), new OpenAIClientOptions
        {
            Endpoint = new("http://127.0.0.1:3129"),
            Transport = new HttpClientPipelineTransport(route.Client),
            RetryPolicy = new ClientRetryPolicy(0),
        });

        var text = new StringBuilder();
        await foreach (var update in client.CompleteChatStreamingAsync([new UserChatMessage("hi")], cancellationToken: Patience.Token))
        {
            text.AppendJoin("", update.ContentUpdate.Select(part => part.Text));
        }

        Assert.Equal("hello", text.ToString());
        var (line, headers) = Assert.Single(server.Requests);
        Assert.Equal("POST /v1/chat/completions HTTP/2", line);
        Assert.Equal($"Bearer {RunningRoute.Key}", headers["Authorization"]);
        AssertNoPlaceholder(headers);
        Assert.DoesNotContain(RunningRoute.Key, route.Log.Text, StringComparison.Ordinal);
    }

    private static void AssertNoPlaceholder(Dictionary<string, string> headers) =>
        Assert.DoesNotContain(headers, header => header.Value.Contains(RunningRoute.Placeholder, StringComparison.Ordinal));

    private static string Event(string name, string data) => $"event: {name}\ndata: {data}\n\n";
}
