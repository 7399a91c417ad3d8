using System.Net;
using AgentKernel.Client;
using AgentKernel.Contracts.V1;
using AgentKernel.Packaging.Images;
using AgentKernel.Packaging.Jobs;
using AgentKernel.ServiceDefaults;
using AgentKernel.ServiceDefaults.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace AgentKernel.Packaging.Tests.Service;

/// <summary>The packaging service on loopback ports and a data directory of its own, and a client of it.</summary>
internal sealed class RunningPackaging : IAsyncDisposable
{
    public const string Token = "the-operators-token-of-the-tests";
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly WebApplication _app;
    private readonly TemporaryFolder? _owned;

    private RunningPackaging(WebApplication app, FakeUsers users, string home, TemporaryFolder? owned)
    {
        (_app, Users, Home, _owned) = (app, users, home, owned);
        Http = new(app.Urls.First());
        Client = new(new Uri(app.Urls.Last()), new Uri(app.Urls.Last()), Token);
        Raw = new() { BaseAddress = Http };
        Raw.DefaultRequestHeaders.Authorization = new("Bearer", Token);
    }

    public Uri Http { get; }

    public AgentKernelClient Client { get; }

    /// <summary>HTTP/1.1, with the operator's token.</summary>
    public HttpClient Raw { get; }

    public string Home { get; }

    public FakeUsers Users { get; }

    public ImageBuilder Builder => _app.Services.GetRequiredService<ImageBuilder>();

    public ImageStore Images => _app.Services.GetRequiredService<ImageStore>();

    /// <param name="home">A data directory; null: one that goes with the service.</param>
    public static async Task<RunningPackaging> StartAsync(PackagingOptions? options = null, string? home = null, Action<IServiceCollection>? change = null)
    {
        var owned = home is null ? new TemporaryFolder() : null;
        var users = new FakeUsers();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(new DataDirectory(home ?? owned!.Path));
        builder.Services.AddSingleton(new AccessTokens(Token, "the-services-token-of-the-tests"));
        builder.Services.AddPackaging(options ?? new(), () => throw new InvalidOperationException("there is no spawner here"));
        builder.Services.Replace(ServiceDescriptor.Singleton<IImageUsers>(users));
        change?.Invoke(builder.Services);
        var app = builder.Build();
        app.MapPackaging();
        await app.StartAsync();
        return new(app, users, home ?? owned!.Path, owned);
    }

    /// <summary>Uploads a folder of these files and answers its address.</summary>
    public async Task<string> UploadAsync(params (string Name, string Content)[] files)
    {
        using var folder = new TemporaryFolder();
        foreach (var (name, content) in files)
        {
            folder.Write(name, System.Text.Encoding.UTF8.GetBytes(content), name.EndsWith(".sh", StringComparison.Ordinal) ? (UnixFileMode)0b111_101_101 : (UnixFileMode)0b110_100_100);
        }

        return (await Client.Blobs.UploadDirectoryAsync(folder.Path)).Uri;
    }

    public static CreateAgentImageRequest Request(string name, params (string Uri, string Name, string Type)[] bundles)
    {
        var request = new CreateAgentImageRequest { Name = name };
        request.Bundles.Add(bundles.Select(bundle => new Bundle { Uri = bundle.Uri, Labels = new() { Name = bundle.Name, Type = bundle.Type } }));
        return request;
    }

    /// <summary>All that is kept, but for what is always there: to see that a failure left nothing.</summary>
    public IReadOnlyList<string> Leftovers()
    {
        var root = Path.Combine(Home, "packaging");
        string[] places = ["work", "images", "names", "unpacked", Path.Combine("blobs", "uploads")];
        return [.. places.SelectMany(place => Directory.EnumerateFileSystemEntries(Path.Combine(root, place))).Select(path => Path.GetRelativePath(root, path)).Order()];
    }

    public async ValueTask DisposeAsync()
    {
        Raw.Dispose();
        Client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        _owned?.Dispose();
    }
}

/// <summary>Uses the images that a test says.</summary>
internal sealed class FakeUsers : IImageUsers
{
    public HashSet<string> InUse { get; } = [];

    /// <summary>Runs while it is being found out.</summary>
    public Action? Meanwhile { get; set; }

    public Task<IReadOnlySet<string>> InUseAsync(CancellationToken cancellationToken)
    {
        Meanwhile?.Invoke();
        return Task.FromResult<IReadOnlySet<string>>(InUse);
    }
}
