using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using AgentKernel.Client;
using AgentKernel.Contracts;
using AgentKernel.Rpc;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>What a service does when it is a program of its own: health, settings, peers that come and go, TLS.</summary>
public sealed class ServiceTests
{
    private const string Token = "an-operator-token-of-the-tests";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Health_OfAServiceWithoutItsPeer_SaysSoAndTheProcessIsAlive()
    {
        var home = RunningKernel.NewHome();
        await using (var gateway = await ServiceProcess.StartAsync("AgentGateway", Settings(home, ("SPAWNER_GRPC", "http://127.0.0.1:1"))))
        await using (var spawner = await ServiceProcess.StartAsync("Spawner", Settings(home)))
        {
            using var http = new HttpClient();

            using var missing = await http.GetAsync(new Uri(gateway.Http, "/health"), Cancelled);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, missing.StatusCode);
            Assert.Contains("spawner", await missing.Content.ReadAsStringAsync(Cancelled), StringComparison.Ordinal);
            using var alive = await http.GetAsync(new Uri(gateway.Http, "/alive"), Cancelled);
            Assert.Equal(HttpStatusCode.OK, alive.StatusCode);

            using var healthy = await http.GetAsync(new Uri(spawner.Http, "/health"), Cancelled);
            Assert.Equal(HttpStatusCode.OK, healthy.StatusCode);
            var report = JsonNode.Parse(await healthy.Content.ReadAsStringAsync(Cancelled))!;
            Assert.Equal(("ok", "local", "writable"), ((string)report["status"]!, (string)report["backend"]!, (string)report["data_directory"]!));
        }

        Directory.Delete(home, recursive: true);
    }

    [Fact]
    public async Task Gateway_WhoseSpawnerComesLateAndComesBack_FindsItAgainAndComplainsOncePerOutage()
    {
        var home = RunningKernel.NewHome();
        var port = FreePort();
        await using (var gateway = await ServiceProcess.StartAsync("AgentGateway", Settings(home, ("SPAWNER_GRPC", $"http://127.0.0.1:{port}"))))
        {
            OwnedAgent agent;
            await using (var spawner = await ServiceProcess.StartAsync("Spawner", Settings(home, ("GRPC_PORT", $"{port}"), ("Spawner__KeepAgents", "true"))))
            {
                using var kernel = new AgentKernelClient(spawner.Grpc, gateway.Grpc, Token);
                agent = await kernel.Spawner.SpawnAsync(new() { Name = "lasting", ModelAccess = new() { Provider = "scripted" } }, Cancelled);
                Assert.Equal("early", await kernel.AskAsync(agent, "early", Cancelled));
                await spawner.EndAsync("KILL");
            }

            await using (var spawner = await ServiceProcess.StartAsync("Spawner", Settings(home, ("GRPC_PORT", $"{port}"))))
            {
                using var kernel = new AgentKernelClient(spawner.Grpc, gateway.Grpc, Token);
                Assert.Equal("late", await kernel.AskAsync(agent, "late", Cancelled));
                await kernel.Spawner.KillAsync(agent, Cancelled);
            }

            await gateway.EndAsync();
            // Before the first one came, after the first, and after the second.
            Assert.InRange(gateway.Log.Split("The watch on the spawner is lost").Length - 1, 1, 3);
        }

        Directory.Delete(home, recursive: true);
    }

    [Theory]
    [InlineData("Spawner", "Spawner__Backend", "spaceship", "Spawner:Backend")]
    [InlineData("Spawner", "Spawner__StartTimeout", "soon", "Spawner:StartTimeout")]
    [InlineData("Spawner", "Spawner__Bckend", "local", "Bckend")]
    [InlineData("Spawner", "HTTP_PORT", "eighty", "HTTP_PORT")]
    [InlineData("AgentGateway", "AgentGateway__MaxRequestBytes", "1", "AgentGateway:MaxRequestBytes")]
    [InlineData("AgentGateway", "SPAWNER_GRPC", "next door", "SPAWNER_GRPC")]
    public async Task Service_WithAWrongSetting_EndsWithALineThatNamesIt(string service, string variable, string value, string named)
    {
        var home = RunningKernel.NewHome();

        var run = await ProgramRun.RunAsync(Repository.Program(service, $"AgentKernel.{service}"), [], Settings(home, (variable, value)));

        Assert.Equal(1, run.ExitCode);
        Assert.Contains(named, run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
        Directory.Delete(home, recursive: true);
    }

    [Fact]
    public async Task Service_WithACertificate_SpeaksHttpAndGrpcOnOnePort()
    {
        var home = RunningKernel.NewHome();
        var (certificate, root) = Certificate(home);
        await using (var spawner = await ServiceProcess.StartAsync("Spawner", Settings(
            home,
            ("Kestrel__Endpoints__http__Url", "https://127.0.0.1:0"),
            ("Kestrel__Endpoints__http__Protocols", "Http1AndHttp2"),
            ("Kestrel__Endpoints__grpc__Url", "https://127.0.0.1:0"),
            ("Kestrel__Certificates__Default__Path", certificate),
            ("Kestrel__Certificates__Default__Password", "of the test"))))
        {
            foreach (var address in new[] { spawner.Http, spawner.Grpc })
            {
                using var trusting = new SocketsHttpHandler { SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.GetCertHashString() == root.GetCertHashString() } };
                using var channel = new RpcChannel(address, new() { BearerToken = Token, Handler = trusting });
                Assert.Empty((await channel.CallAsync(AgentSpawnerMethods.ListAgents, new(), cancellationToken: Cancelled)).Agents);
            }

            var pem = Path.Combine(home, "root.pem");
            await File.WriteAllTextAsync(pem, root.ExportCertificatePem(), Cancelled);
            var curl = await ProgramRun.RunAsync("/usr/bin/curl", ["-sS", "--fail-with-body", "--http1.1", "--cacert", pem, "-H", $"Authorization: Bearer {Token}", "-H", "Content-Type: application/json", "-d", "{}", new Uri(spawner.Http, AgentSpawnerMethods.ListAgents.Path).ToString()]);
            Assert.Equal("{}", curl.Succeeded().Output.Replace(" ", "", StringComparison.Ordinal));
        }

        root.Dispose();
        Directory.Delete(home, recursive: true);
    }

    private static Dictionary<string, string> Settings(string home, params (string Name, string Value)[] more) =>
        new(more.Select(pair => KeyValuePair.Create(pair.Name, pair.Value)))
        {
            ["AGENTKERNEL_HOME"] = home,
            ["AGENTKERNEL_TOKEN"] = Token,
        };

    // Of a listener that is closed again: whoever takes it meanwhile makes the test fail, and says which port it was.
    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static (string Path, X509Certificate2 Root) Certificate(string folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=agentkernel tests", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var path = System.IO.Path.Combine(folder, "service.pfx");
        File.WriteAllBytes(path, certificate.Export(X509ContentType.Pfx, "of the test"));
        return (path, certificate);
    }
}
