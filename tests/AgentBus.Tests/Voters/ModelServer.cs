using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AgentKernel.AgentBus.Tests.Voters;

/// <summary>Answers model calls on the vendors' paths, and keeps what was asked.</summary>
internal sealed class ModelServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ModelServer(WebApplication app, Uri url) => (_app, Url) = (app, url);

    public Uri Url { get; }

    public ConcurrentQueue<(string Path, IReadOnlyDictionary<string, string> Headers, JsonNode Body)> Requests { get; } = [];

    /// <param name="answer">Makes the answer: status and body.</param>
    public static async Task<ModelServer> StartAsync(Func<JsonNode, (int Status, string Body)> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        ModelServer? server = null;
        app.Run(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            var body = JsonNode.Parse(await reader.ReadToEndAsync())!;
            server!.Requests.Enqueue((context.Request.Path, context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase), body));
            (context.Response.StatusCode, var text) = answer(body);
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(text);
        });
        server = new(app, new Uri("http://127.0.0.1"));
        await app.StartAsync(Patience.Token);
        var url = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        var started = new ModelServer(app, url);
        server = started;
        return started;
    }

    /// <summary>A whole answer of a vendor's that casts a vote, or holds something else in its place.</summary>
    public static string Answer(string provider, string vote) => provider == "anthropic"
        ? $$$"""{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"tool_use","id":"toolu_1","name":"vote","input":{{{vote}}}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}"""
        : $$$"""{"id":"c_1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":{{{JsonValue.Create(vote)!.ToJsonString()}}},"refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}""";

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }
}
