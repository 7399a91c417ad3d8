using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace AgentKernel.Packaging.Tests.Oci;

/// <summary>A registry that misbehaves as it is told, on a real socket.</summary>
internal sealed class ScriptedRegistry : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<string> _requests = [];

    private ScriptedRegistry(WebApplication app) => _app = app;

    /// <summary>What was asked for, method and path.</summary>
    public IReadOnlyCollection<string> Requests => _requests;

    public string Address => new Uri(_app.Urls.Single()).Authority;

    public static async Task<ScriptedRegistry> StartAsync(Func<HttpContext, Task> answer)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var registry = new ScriptedRegistry(app);
        app.Run(context =>
        {
            registry._requests.Enqueue($"{context.Request.Method} {context.Request.Path}");
            return answer(context);
        });
        await app.StartAsync(Patience.Token);
        return registry;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
