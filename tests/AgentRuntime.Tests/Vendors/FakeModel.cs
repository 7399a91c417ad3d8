using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace AgentKernel.AgentRuntime.Tests.Vendors;

/// <summary>An HTTP server that answers model calls with what a test has laid ready, in order, and keeps what was asked.</summary>
internal sealed class FakeModel : IHttpApplication<HttpContext>, IAsyncDisposable
{
    private readonly Channel<Func<HttpContext, Task>> _answers = Channel.CreateUnbounded<Func<HttpContext, Task>>();
    private readonly List<ModelRequest> _requests = [];
    private readonly KestrelServer _server;

    private FakeModel()
    {
        var options = new KestrelServerOptions();
        options.Listen(IPAddress.Loopback, 0);
        _server = new KestrelServer(Options.Create(options),
            new SocketTransportFactory(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance), NullLoggerFactory.Instance);
    }

    public string Url => _server.Features.Get<IServerAddressesFeature>()!.Addresses.First();

    /// <summary>What was asked so far, in order.</summary>
    public IReadOnlyList<ModelRequest> Requests
    {
        get
        {
            lock (_requests)
                return [.. _requests];
        }
    }

    public static async Task<FakeModel> StartAsync()
    {
        var model = new FakeModel();
        await model._server.StartAsync(model, TestContext.Current.CancellationToken);
        return model;
    }

    public void Answer(Func<HttpContext, Task> answer) => Assert.True(_answers.Writer.TryWrite(answer));

    /// <summary>A whole stream of events.</summary>
    public void Answer(params string[] pieces) => Answer(context => StreamAsync(context, pieces));

    public void AnswerStatus(int status, string body, params (string Name, string Value)[] headers) => Answer(async context =>
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        foreach (var (name, value) in headers)
            context.Response.Headers[name] = value;
        await context.Response.WriteAsync(body);
    });

    /// <summary>The stream's beginning, and then, when told, the connection breaks.</summary>
    public void AnswerBroken(Task now, params string[] pieces) => Answer(async context =>
    {
        await StreamAsync(context, pieces);
        await now;
        context.Abort();
    });

    /// <summary>The stream's beginning, and then silence, until the caller hangs up.</summary>
    /// <returns>Ends when he has.</returns>
    public Task AnswerUntilHangUp(params string[] pieces)
    {
        var hungUp = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Answer(async context =>
        {
            await StreamAsync(context, pieces);
            context.RequestAborted.Register(hungUp.SetResult);
            await hungUp.Task;
        });
        return Deadline.For(stop => hungUp.Task.WaitAsync(stop), () => "the agent to hang up on the model");
    }

    public static async Task StreamAsync(HttpContext context, params string[] pieces)
    {
        if (!context.Response.HasStarted)
            context.Response.ContentType = "text/event-stream; charset=utf-8";
        foreach (var piece in pieces)
        {
            await context.Response.WriteAsync(piece);
            await context.Response.Body.FlushAsync();
        }
    }

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public async Task ProcessRequestAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
        var body = JsonNode.Parse(await reader.ReadToEndAsync())!;
        lock (_requests)
            _requests.Add(new ModelRequest(context.Request.Path, context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase), body));
        if (_answers.Reader.TryRead(out var answer))
            await answer(context);
        else
            context.Response.StatusCode = 404; // not retried, so a test that lays out too little fails at once
    }

    public void DisposeContext(HttpContext context, Exception? exception) { }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _server.StopAsync(now.Token);
        _server.Dispose();
    }
}

internal sealed record ModelRequest(string Path, IReadOnlyDictionary<string, string> Headers, JsonNode Body);
