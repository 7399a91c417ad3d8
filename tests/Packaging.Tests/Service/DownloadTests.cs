using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using AgentKernel.Contracts.V1;
using AgentKernel.Packaging.Jobs;
using AgentKernel.Rpc;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace AgentKernel.Packaging.Tests.Service;

/// <summary>Bundles from elsewhere, over TLS.</summary>
public sealed class DownloadTests
{
    private static readonly byte[] Content = Encoding.ASCII.GetBytes("the content of a bundle");
    private static readonly string Digest = $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Content))}";

    [Fact]
    public async Task Https_WithItsDigest_IsFetchedOnce()
    {
        var asked = 0;
        await using var server = await StartServerAsync(http =>
        {
            asked++;
            return http.Response.Body.WriteAsync(Content).AsTask();
        });
        await using var service = await StartAsync(new());
        var image = await service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("a", ($"{Address(server)}/file#{Digest}", "it", "")));
        Assert.Equal(Digest, image.Bundles[0].Digest);
        await service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("b", ($"{Address(server)}/elsewhere#{Digest}", "other", "")));
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task Https_OtherContentRefusalCutOrHang_FailsAndLeavesNothing()
    {
        var hung = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = await StartServerAsync(async http =>
        {
            switch (http.Request.Path.Value)
            {
                case "/other":
                    await http.Response.WriteAsync("something else");
                    break;
                case "/large":
                    await http.Response.WriteAsync(new string('x', 5000));
                    break;
                case "/cut":
                    http.Response.ContentLength = 1000;
                    await http.Response.WriteAsync("only this");
                    await http.Response.Body.FlushAsync();
                    http.Abort();
                    break;
                case "/hang":
                    await http.Response.WriteAsync("a beginning");
                    await http.Response.Body.FlushAsync();
                    await hung.Task;
                    break;
                default:
                    http.Response.StatusCode = 403;
                    break;
            }
        });
        await using var service = await StartAsync(new() { MaxBlobBytes = 4000, DownloadIdleTimeout = TimeSpan.FromSeconds(1) });
        foreach (var (path, code, why) in new[]
        {
            ("other", RpcStatusCode.InvalidArgument, "was to have"),
            ("large", RpcStatusCode.ResourceExhausted, "4000 bytes"),
            ("cut", RpcStatusCode.Unavailable, "127.0.0.1"),
            ("hang", RpcStatusCode.Unavailable, "sent nothing"),
            ("refused", RpcStatusCode.FailedPrecondition, "403"),
        })
        {
            var failed = await Assert.ThrowsAsync<RpcException>(() => service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("a", ($"{Address(server)}/{path}#{Digest}", "it", ""))));
            Assert.Equal((path, code), (path, failed.Code));
            Assert.Contains(why, failed.Message, StringComparison.Ordinal);
            Assert.Empty(service.Leftovers());
        }

        hung.SetResult();
    }

    private static Task<RunningPackaging> StartAsync(PackagingOptions options) => RunningPackaging.StartAsync(options, change: services =>
        services.AddHttpClient(BundleSources.Client).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
        {
            SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Subject == "CN=agentkernel-tests" },
            UseProxy = false,
        }));

    private static string Address(WebApplication server) => server.Urls.Single();

    private static async Task<WebApplication> StartServerAsync(RequestDelegate handle)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=agentkernel-tests", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        var app = builder.Build();
        app.Run(handle);
        await app.StartAsync();
        return app;
    }
}
