using System.Net;
using System.Net.Sockets;
using System.Text;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Backends.Oci.Registry;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.Packaging.Tests.Oci;

/// <summary>What registries and networks do wrong.</summary>
public sealed class RegistryFailureTests : OciTest
{
    private RegistryOptions Quick => new() { RetryDelay = TimeSpan.FromMilliseconds(1), DockerConfig = Temporary.Write("docker.json", "{}"u8) };

    [Theory]
    [InlineData(401, "Unauthorized", "answered 401", 1)]
    [InlineData(403, "Denied", "answered 403 (DENIED: not for you)", 1)]
    [InlineData(404, "NotFound", "answered 404", 1)]
    [InlineData(418, "Protocol", "answered 418", 1)]
    [InlineData(500, "Broken", "answered 500", 4)]
    [InlineData(503, "Broken", "answered 503", 4)]
    [InlineData(429, "RateLimited", "answered 429", 4)]
    public async Task Request_Status_IsNamedAndTriedAgainWhereItMayPass(int status, string failure, string message, int requests)
    {
        await using var registry = await ScriptedRegistry.StartAsync(context =>
        {
            context.Response.StatusCode = status;
            return context.Response.WriteAsync("""{"errors":[{"code":"DENIED","message":"not\n for you"}]}""");
        });

        var refusal = await FailsAsync(registry.Address, Quick);

        Assert.Equal(failure, refusal.Failure.ToString());
        Assert.Contains(message, refusal.Message);
        Assert.StartsWith($"registry {registry.Address}: could not get the manifest base:1: ", refusal.Message);
        Assert.Equal(requests, registry.Requests.Count);
    }

    [Fact]
    public async Task Request_FailuresThatPass_AreOvercome()
    {
        var answers = new Queue<int>([500, 429, 503]);
        await using var registry = await ScriptedRegistry.StartAsync(context =>
        {
            context.Response.StatusCode = answers.TryDequeue(out var status) ? status : 404;
            context.Response.Headers.RetryAfter = "0";
            return Task.CompletedTask;
        });

        Assert.Equal(RegistryFailure.NotFound, (await FailsAsync(registry.Address, Quick)).Failure);
        Assert.Equal(4, registry.Requests.Count);
    }

    [Fact]
    public async Task Request_RetryAfterTooLong_IsNotWaitedFor()
    {
        await using var registry = await ScriptedRegistry.StartAsync(context =>
        {
            context.Response.StatusCode = 429;
            context.Response.Headers.RetryAfter = "3600";
            return Task.CompletedTask;
        });

        Assert.Equal(RegistryFailure.RateLimited, (await FailsAsync(registry.Address, Quick)).Failure);
        Assert.Single(registry.Requests);
    }

    [Fact]
    public async Task Request_NoAnswer_IsGivenUp()
    {
        await using var registry = await ScriptedRegistry.StartAsync(async context => await Aborted(context));

        var refusal = await FailsAsync(registry.Address, Quick with { IdleTimeout = TimeSpan.FromMilliseconds(300) });

        Assert.Equal(RegistryFailure.Hangs, refusal.Failure);
        Assert.EndsWith("nothing moved for 0.3 seconds", refusal.Message);
    }

    [Fact]
    public async Task Request_AnswerThatStandsStill_IsGivenUp()
    {
        await using var registry = await ScriptedRegistry.StartAsync(async context =>
        {
            context.Response.ContentType = MediaTypes.Manifest;
            await context.Response.WriteAsync("{");
            await context.Response.Body.FlushAsync();
            await Aborted(context);
        });

        Assert.Equal(RegistryFailure.Hangs, (await FailsAsync(registry.Address, Quick with { IdleTimeout = TimeSpan.FromMilliseconds(300) })).Failure);
    }

    [Fact]
    public async Task Request_ConnectionAlwaysCut_IsGivenUp()
    {
        await using var registry = await ScriptedRegistry.StartAsync(context =>
        {
            context.Abort();
            return Task.CompletedTask;
        });

        var refusal = await FailsAsync(registry.Address, Quick);

        Assert.Equal(RegistryFailure.Interrupted, refusal.Failure);
        Assert.True(registry.Requests.Count >= Quick.Attempts, $"{registry.Requests.Count} requests");
    }

    [Fact]
    public async Task Request_NobodyListens_SaysSo()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = listener.LocalEndpoint.ToString()!;
        listener.Stop();

        var refusal = await FailsAsync(address, Quick);

        Assert.Equal(RegistryFailure.Unreachable, refusal.Failure);
        Assert.Contains("ConnectionRefused", refusal.Message);
    }

    [Fact]
    public async Task Request_UnknownHost_SaysSo()
    {
        using var transport = new RegistryTransport(new("https://registry.invalid"), Quick, TimeProvider.System);

        var refusal = await Assert.ThrowsAsync<RegistryException>(() => new RegistryRepository(transport, "base").GetManifestAsync("1", Patience.Token));

        Assert.Equal(RegistryFailure.Unreachable, refusal.Failure);
    }

    [Fact]
    public async Task Manifest_OfAnotherDigest_IsRefused()
    {
        await using var registry = await ScriptedRegistry.StartAsync(context => context.Response.WriteAsync("{}"));
        using var transport = new RegistryTransport(new($"http://{registry.Address}"), Quick, TimeProvider.System);

        var refusal = await Assert.ThrowsAsync<RegistryException>(() =>
            new RegistryRepository(transport, "base").GetManifestAsync(Digest.Of("something else"u8).ToString(), Patience.Token));

        Assert.Equal(RegistryFailure.Protocol, refusal.Failure);
        Assert.Contains($"has the digest {Digest.Of("{}"u8)}", refusal.Message);
    }

    [Theory]
    [InlineData("no JSON", "is malformed")]
    [InlineData("[]", "is malformed")]
    [InlineData("{}", "is malformed")]
    [InlineData("""{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:../../etc/passwd","size":1},"layers":[]}""", "is malformed")]
    [InlineData("""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}""", "says that it is")]
    public async Task Manifest_Malformed_IsRefused(string manifest, string why)
    {
        await using var registry = await ScriptedRegistry.StartAsync(context =>
        {
            context.Response.ContentType = MediaTypes.Manifest;
            return context.Response.WriteAsync(manifest);
        });

        var refusal = await Assert.ThrowsAsync<OciException>(() =>
            Backend(Quick).BuildAsync(Request($"{registry.Address}/base:1", Bundle(), To("127.0.0.1:1/tools")), null, Patience.Token));

        Assert.Contains(why, refusal.Message);
        AssertNoWorkLeft();
    }

    [Fact]
    public async Task Manifest_Endless_IsNotReadOn()
    {
        await using var registry = await ScriptedRegistry.StartAsync(async context =>
        {
            var piece = new byte[64 * 1024];
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(piece, context.RequestAborted);
            }
        });

        var refusal = await FailsAsync(registry.Address, Quick);

        Assert.Equal(RegistryFailure.Protocol, refusal.Failure);
        Assert.Contains("longer than 4194304 bytes", refusal.Message);
    }

    [Fact]
    public async Task Download_OfAnotherDigest_LeavesNothing()
    {
        await using var registry = await ScriptedRegistry.StartAsync(context => context.Response.WriteAsync("four"));
        using var transport = new RegistryTransport(new($"http://{registry.Address}"), Quick, TimeProvider.System);
        var blob = new Descriptor(MediaTypes.GzipLayer, Digest.Of("five"u8).ToString(), 4);

        var refusal = await Assert.ThrowsAsync<RegistryException>(() => new RegistryRepository(transport, "base").DownloadAsync(blob, Temporary.Combine("blob"), Patience.Token));

        Assert.Contains($"arrived with the digest {Digest.Of("four"u8)}", refusal.Message);
        Assert.False(File.Exists(Temporary.Combine("blob")));
    }

    [Theory]
    [InlineData(3, "it sent more than the 3 bytes")]
    [InlineData(5, "it sent 4 of the 5 bytes")]
    public async Task Download_OfAnotherLength_LeavesNothing(int size, string why)
    {
        await using var registry = await ScriptedRegistry.StartAsync(context => context.Response.WriteAsync("four"));
        using var transport = new RegistryTransport(new($"http://{registry.Address}"), Quick, TimeProvider.System);

        var refusal = await Assert.ThrowsAsync<RegistryException>(() => new RegistryRepository(transport, "base")
            .DownloadAsync(new(MediaTypes.GzipLayer, Digest.Of("four"u8).ToString(), size), Temporary.Combine("blob"), Patience.Token));

        Assert.Contains(why, refusal.Message);
        Assert.False(File.Exists(Temporary.Combine("blob")));
    }

    [Fact]
    public async Task Upload_ConnectionsCut_ArrivesWhole()
    {
        await using var registry = await RunningRegistry.StartAsync();
        await using var proxy = new CuttingProxy(registry.Port, times: 3, after: 3_000_000);
        var bytes = Noise.Bytes(16_000_000, seed: 3);
        var file = Temporary.Write("layer", bytes);
        var options = registry.Options with { ChunkBytes = 2_000_000, Attempts = 6, RetryDelay = TimeSpan.FromMilliseconds(1) };
        using var transport = new RegistryTransport(new($"http://{proxy.Address}"), options, TimeProvider.System);
        var repository = new RegistryRepository(transport, "tools");

        await repository.UploadAsync(Digest.Of(bytes), file, Patience.Token);

        Assert.True(proxy.Left <= 0, $"{proxy.Left} cuts did not happen");
        Assert.True(await repository.HasBlobAsync(Digest.Of(bytes).ToString(), Patience.Token));
    }

    [Fact]
    public async Task Upload_CutInAPiece_SendsOnlyWhatDidNotArrive()
    {
        var (arrived, received, cuts) = (new MemoryStream(), 0L, 2);
        await using var registry = await ScriptedRegistry.StartAsync(async context =>
        {
            var (request, response) = (context.Request, context.Response);
            switch (request.Method)
            {
                case "PATCH":
                    Assert.Equal($"{arrived.Length}", request.Headers.ContentRange.ToString().Split('-')[0]);
                    var buffer = new byte[50_000];
                    while (await request.Body.ReadAsync(buffer) is var read and > 0)
                    {
                        arrived.Write(buffer, 0, read);
                        received += read;
                        if (received > 300_000 && cuts > 0 && received > 900_000 - (cuts * 300_000))
                        {
                            cuts--;
                            context.Abort();
                            return;
                        }
                    }

                    response.StatusCode = 202;
                    break;
                default:
                    response.StatusCode = request.Method switch { "POST" => 202, "GET" => 204, _ => 201 };
                    break;
            }

            response.Headers.Location = "/v2/base/blobs/uploads/1";
            response.Headers["Range"] = $"0-{Math.Max(0, arrived.Length - 1)}";
        });
        var bytes = Noise.Bytes(2_000_000, seed: 6);
        using var transport = new RegistryTransport(new($"http://{registry.Address}"), Quick with { ChunkBytes = 1_000_000 }, TimeProvider.System);

        await new RegistryRepository(transport, "base").UploadAsync(Digest.Of(bytes), Temporary.Write("layer", bytes), Patience.Token);

        Assert.Equal(bytes, arrived.ToArray());
        Assert.Equal((0, bytes.Length), (cuts, received));
        Assert.Equal(1, registry.Requests.Count(line => line.StartsWith("POST", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Download_ConnectionsCut_GoesOnWhereItWas()
    {
        await using var registry = await RunningRegistry.StartAsync();
        var bytes = Noise.Bytes(16_000_000, seed: 4);
        using (var direct = new RegistryTransport(new($"http://{registry.Address}"), registry.Options, TimeProvider.System))
        {
            await new RegistryRepository(direct, "tools").UploadAsync(Digest.Of(bytes), Temporary.Write("layer", bytes), Patience.Token);
        }

        await using var proxy = new CuttingProxy(registry.Port, times: 3, after: 3_000_000);
        using var transport = new RegistryTransport(new($"http://{proxy.Address}"), registry.Options with { RetryDelay = TimeSpan.FromMilliseconds(1) }, TimeProvider.System);

        await new RegistryRepository(transport, "tools").DownloadAsync(new(MediaTypes.GzipLayer, Digest.Of(bytes).ToString(), bytes.Length), Temporary.Combine("fetched"), Patience.Token);

        Assert.True(proxy.Left <= 0, $"{proxy.Left} cuts did not happen");
        Assert.Equal(bytes, await File.ReadAllBytesAsync(Temporary.Combine("fetched")));
    }

    [Fact]
    public async Task Token_AskedFor_IsFetchedOnceWithTheScopeAndKept()
    {
        var queries = new List<string>();
        await using var registry = await ScriptedRegistry.StartAsync(context =>
        {
            if (context.Request.Path == "/token")
            {
                queries.Add($"{context.Request.Headers.Authorization} {Uri.UnescapeDataString(context.Request.QueryString.Value!)}");
                return context.Response.WriteAsync("""{"token":"abc"}""");
            }

            var authorized = context.Request.Headers.Authorization == "Bearer abc";
            context.Response.StatusCode = authorized ? 200 : 401;
            context.Response.Headers.WWWAuthenticate = $"Basic realm=\"x\", Bearer realm=\"http://{context.Request.Host}/token\",service=\"the registry\",scope=\"other\"";
            return Task.CompletedTask;
        });
        var config = Temporary.Write("config.json", Encoding.UTF8.GetBytes($$$$"""{"auths":{"{{{{registry.Address}}}}":{"auth":"{{{{Convert.ToBase64String("me:secret"u8)}}}}"}}}"""));
        using var transport = new RegistryTransport(new($"http://{registry.Address}"), Quick with { DockerConfig = config }, TimeProvider.System);
        var repository = new RegistryRepository(transport, "base");

        Assert.True(await repository.HasManifestAsync("1", Patience.Token));
        Assert.True(await repository.HasManifestAsync("2", Patience.Token));

        Assert.Equal([$"Basic {Convert.ToBase64String("me:secret"u8)} ?service=the registry&scope=repository:base:pull"], queries);
        Assert.Equal(4, registry.Requests.Count);
    }

    [Fact]
    public async Task Token_FromAnAddressWithoutTls_IsNotAskedFor()
    {
        await using var registry = await ScriptedRegistry.StartAsync(context =>
        {
            context.Response.StatusCode = 401;
            context.Response.Headers.WWWAuthenticate = "Bearer realm=\"http://tokens.invalid/\"";
            return Task.CompletedTask;
        });

        Assert.Contains("credentials are not sent there", (await FailsAsync(registry.Address, Quick)).Message);
    }

    /// <summary>Ends when the client has gone.</summary>
    private static async Task Aborted(HttpContext context)
    {
        var gone = new TaskCompletionSource();
        await using var registration = context.RequestAborted.Register(gone.SetResult);
        await gone.Task;
    }

    private static async Task<RegistryException> FailsAsync(string address, RegistryOptions options)
    {
        using var transport = new RegistryTransport(new($"http://{address}"), options, TimeProvider.System);
        return await Assert.ThrowsAsync<RegistryException>(() => new RegistryRepository(transport, "base").GetManifestAsync("1", Patience.Token));
    }
}
