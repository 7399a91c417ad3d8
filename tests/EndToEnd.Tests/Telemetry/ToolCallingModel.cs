using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AgentKernel.EndToEnd.Tests.Telemetry;

/// <summary>Answers as the Anthropic Messages API streams: first with a call of bash, then, once that is answered, with a word.</summary>
internal sealed class ToolCallingModel : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ToolCallingModel(WebApplication app) => _app = app;

    public Uri Address { get; private set; } = null!; // set once it listens

    /// <summary>The header <c>traceparent</c> of each request.</summary>
    public ConcurrentQueue<string> TraceParents { get; } = [];

    public static async Task<ToolCallingModel> StartAsync(string command)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        var address = new TaskCompletionSource<Uri>();
        Microsoft.AspNetCore.Server.Kestrel.Core.ListenOptions? listening = null;
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listening = listen));
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.Services.AddRoutingCore();
        var app = builder.Build();
        var model = new ToolCallingModel(app);
        app.MapPost("/v1/messages", async (HttpContext http) =>
        {
            model.TraceParents.Enqueue(http.Request.Headers["traceparent"].ToString());
            using var reader = new StreamReader(http.Request.Body);
            var answered = (await reader.ReadToEndAsync()).Contains("tool_result", StringComparison.Ordinal);
            http.Response.ContentType = "text/event-stream";
            await http.Response.WriteAsync(answered ? Said("done") : Called(command));
        });
        await app.StartAsync();
        model.Address = new Uri($"http://{listening!.IPEndPoint}");
        return model;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static string Said(string text) => Stream("end_turn",
        """{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}""",
        $$$"""{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"{{{text}}}"}}""");

    private static string Called(string command) => Stream("tool_use",
        """{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"bash","input":{}}}""",
        $$$"""{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"command\":\"{{{command}}}\"}"}}""");

    private static string Stream(string stopReason, params string[] content)
    {
        string[] events =
        [
            """{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":7,"cache_read_input_tokens":20,"cache_creation_input_tokens":3,"output_tokens":1}}}""",
            .. content,
            """{"type":"content_block_stop","index":0}""",
            $$$"""{"type":"message_delta","delta":{"stop_reason":"{{{stopReason}}}","stop_sequence":null},"usage":{"output_tokens":11}}""",
            """{"type":"message_stop"}""",
        ];
        var text = new StringBuilder();
        foreach (var data in events)
        {
            text.Append("event: ").Append(System.Text.Json.JsonElement.Parse(data).GetProperty("type").GetString()).Append("\ndata: ").Append(data).Append("\n\n");
        }

        return text.ToString();
    }
}
