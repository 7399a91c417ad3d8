using System.Text.Json.Nodes;
using AgentKernel.Packaging.Backends.Oci;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Backends.Oci.Layers;
using AgentKernel.Packaging.Backends.Oci.Registry;

namespace AgentKernel.Packaging.Tests.Oci;

/// <summary>Against Debian's docker-registry; skopeo and umoci judge.</summary>
public sealed class RegistryPushTests : OciTest
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Push_OnABase_OthersUnpackTheSameFiles(bool tls, bool auth)
    {
        await using var registry = await RunningRegistry.StartAsync(tls, auth);
        var baseFiles = await BaseImages.PushAsync(registry, Temporary, "base:1");
        var bundle = Bundle();

        var result = await Backend(registry.Options).BuildAsync(Request(registry.Name("base:1"), bundle, To(registry.Name("team/tools:v1"))), null, Patience.Token);

        Assert.Equal($"{registry.Address}/team/tools@{result.Digest}", result.Reference);
        Assert.Equal(Expected(baseFiles, bundle), await PullAsync(registry, "team/tools:v1"));
        var inspected = await InspectAsync(registry, "team/tools:v1");
        Assert.Equal(result.Digest.ToString(), (string?)inspected["Digest"]);
        Assert.Equal(["BASE=kept", "ADDED=1", "PATH=/image/bundles/tools:/usr/bin"], inspected["Env"]!.AsArray().Select(line => (string)line!));
        Assert.Equal("tools", (string?)inspected["Labels"]!["name"]);
        AssertNoWorkLeft();
    }

    [Fact]
    public async Task Push_WithoutABase_OthersUnpackTheSameFiles()
    {
        await using var registry = await RunningRegistry.StartAsync();
        var bundle = Bundle();

        await Backend(registry.Options).BuildAsync(Request(null, bundle, To(registry.Name("tools:v1"))), null, Patience.Token);

        Assert.Equal(Expected([], bundle), await PullAsync(registry, "tools:v1"));
    }

    [Fact]
    public async Task Push_Again_SendsNothing()
    {
        await using var registry = await RunningRegistry.StartAsync();
        await BaseImages.PushAsync(registry, Temporary, "base:1");
        var request = Request(registry.Name("base:1"), Bundle(), To(registry.Name("tools:v1")));

        var first = await Backend(registry.Options).BuildAsync(request, null, Patience.Token);
        var second = await Backend(registry.Options).BuildAsync(request, null, Patience.Token);

        Assert.Equal(first.Digest, second.Digest);
        Assert.True(first.BytesSent > 1_500_000, $"{first.BytesSent} bytes");
        Assert.Equal(0, second.BytesSent);
    }

    [Fact]
    public async Task Push_BaseInAnotherRepository_IsMountedAndNeverMoved()
    {
        await using var registry = await RunningRegistry.StartAsync(auth: true);
        await BaseImages.PushAsync(registry, Temporary, "base:1");
        var log = new RecordedLog();

        var result = await Backend(registry.Options).BuildAsync(Request(registry.Name("base:1"), Bundle(), To(registry.Name("tools:v1"))), log, Patience.Token);

        Assert.Contains(log.Lines, line => line.EndsWith("mounted from base", StringComparison.Ordinal));
        Assert.InRange(result.BytesSent, 1_500_000, 1_600_000);
        Assert.False(Directory.Exists(Temporary.Combine("backend", "base-layers")));
    }

    [Fact]
    public async Task Push_BaseInAnotherRegistry_IsFetchedOnceAndSent()
    {
        await using var source = await RunningRegistry.StartAsync();
        await using var target = await RunningRegistry.StartAsync();
        var baseFiles = await BaseImages.PushAsync(source, Temporary, "base:1");
        var bundle = Bundle();

        await Backend(source.Options).BuildAsync(Request(source.Name("base:1"), bundle, To(target.Name("tools:v1"))), null, Patience.Token);

        Assert.Single(Directory.EnumerateFiles(Temporary.Combine("backend", "base-layers")));
        Assert.Equal(Expected(baseFiles, bundle), await PullAsync(target, "tools:v1"));
    }

    [Fact]
    public async Task Build_FromAnIndex_TakesThePlatform()
    {
        await using var registry = await RunningRegistry.StartAsync();
        var baseFiles = await BaseImages.PushAsync(registry, Temporary, "base:amd64");
        await PutIndexAsync(registry, "base", "amd64", ("arm64", "v8"), ("amd64", null));
        var bundle = Bundle();

        await Backend(registry.Options).BuildAsync(Request(registry.Name("base:all"), bundle, To(registry.Name("tools:v1"))), null, Patience.Token);

        Assert.Equal(Expected(baseFiles, bundle), await PullAsync(registry, "tools:v1"));
    }

    [Fact]
    public async Task Build_IndexWithoutThePlatform_NamesThoseThatItHas()
    {
        await using var registry = await RunningRegistry.StartAsync();
        await BaseImages.PushAsync(registry, Temporary, "base:amd64");
        await PutIndexAsync(registry, "base", "amd64", ("arm64", "v8"), ("s390x", null));

        var refusal = await Assert.ThrowsAsync<OciException>(() =>
            Backend(registry.Options).BuildAsync(Request(registry.Name("base:all"), Bundle(), To(registry.Name("tools:v1"))), null, Patience.Token));

        Assert.Equal($"base image {registry.Address}/base:all: is not for linux/amd64; it is for linux/arm64/v8, linux/s390x", refusal.Message);
        AssertNoWorkLeft();
    }

    [Fact]
    public async Task Build_BaseForAnotherPlatform_IsRefused()
    {
        await using var registry = await RunningRegistry.StartAsync();
        await BaseImages.PushAsync(registry, Temporary, "base:1");

        var refusal = await Assert.ThrowsAsync<OciException>(() => Backend(registry.Options).BuildAsync(
            Request(registry.Name("base:1"), Bundle(), To(registry.Name("tools:v1"))) with { Platform = new("riscv64", "linux") }, null, Patience.Token));

        Assert.EndsWith("is not for linux/riscv64; it is for linux/amd64", refusal.Message);
    }

    [Fact]
    public async Task Build_BaseWithZstdLayers_KeepsThemUnderAGzipLayer()
    {
        await using var registry = await RunningRegistry.StartAsync();
        var baseFiles = await BaseImages.PushAsync(registry, Temporary, "base:zstd", "--dest-compress", "--dest-compress-format", "zstd");
        var bundle = Bundle();

        await Backend(registry.Options).BuildAsync(Request(registry.Name("base:zstd"), bundle, To(registry.Name("tools:v1"))), null, Patience.Token);

        var manifest = await InspectAsync(registry, "tools:v1", "--raw");
        Assert.Equal(["application/vnd.oci.image.layer.v1.tar+zstd", "application/vnd.oci.image.layer.v1.tar+gzip"],
            manifest["layers"]!.AsArray().Select(layer => (string)layer!["mediaType"]!));
        // Debian's umoci knows no zstd; skopeo does, and turns it into gzip for it.
        Assert.Equal(Expected(baseFiles, bundle), await PullAsync(registry, "tools:v1", "--dest-compress", "--dest-compress-format", "gzip"));
    }

    [Fact]
    public async Task Build_SameFilesInAnotherFolderAndOrderOnAnotherDay_HasTheSameDigests()
    {
        await using var registry = await RunningRegistry.StartAsync();
        await BaseImages.PushAsync(registry, Temporary, "base:1");
        var first = await Backend(registry.Options).BuildAsync(Request(registry.Name("base:1"), Bundle("one"), To(registry.Name("tools:v1"))), null, Patience.Token);
        var elsewhere = Temporary.Combine("deep/in/another");
        foreach (var path in Directory.EnumerateFileSystemEntries(Bundle("two"), "*", SearchOption.AllDirectories).OrderDescending(StringComparer.Ordinal).Where(path => !Directory.Exists(path) || File.Exists(path)))
        {
            var copy = Path.Combine(elsewhere, Path.GetRelativePath(Temporary.Combine("two"), path));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Move(path, copy);
            if (new FileInfo(copy).LinkTarget is null)
            {
                File.SetLastWriteTimeUtc(copy, new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc));
            }
        }

        var tomorrow = new OciBackend(Temporary.Combine("backend-2"), registry.Options, new LaterClock(TimeSpan.FromDays(400)));
        var second = await tomorrow.BuildAsync(Request(registry.Name("base:1"), elsewhere, To(registry.Name("tools:v2"))), null, Patience.Token);

        Assert.Equal(first.Digest, second.Digest);
    }

    [Fact]
    public async Task Build_WithLayoutAndArchive_OthersReadTheSameImage()
    {
        await using var registry = await RunningRegistry.StartAsync();
        var baseFiles = await BaseImages.PushAsync(registry, Temporary, "base:1");
        var (bundle, backend) = (Bundle(), Backend(registry.Options));
        var pushed = await backend.BuildAsync(Request(registry.Name("base:1"), bundle, To(registry.Name("tools:v1"))), null, Patience.Token);

        var layout = await backend.BuildAsync(Request(registry.Name("base:1"), bundle, new OciTarget.Layout(Temporary.Combine("layout"), "v1")), null, Patience.Token);
        var archive = await backend.BuildAsync(Request(registry.Name("base:1"), bundle, new OciTarget.Archive(Temporary.Combine("image.tar"), "v1")), null, Patience.Token);

        Assert.Equal((pushed.Digest, pushed.Digest), (layout.Digest, archive.Digest));
        var expected = Expected(baseFiles, bundle);
        Assert.Equal(expected, await UnpackAsync(layout.Reference, "v1"));
        await Tool.RunAsync("skopeo", "copy", "-q", $"oci-archive:{archive.Reference}:v1", $"oci:{Temporary.Combine("copied")}:v1");
        Assert.Equal(expected, await UnpackAsync(Temporary.Combine("copied"), "v1"));
        Assert.Contains(pushed.Digest.ToString(), await Tool.RunAsync("skopeo", "inspect", $"oci:{layout.Reference}:v1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Build_OwnersFilesInALayer_CanBeReadByTheAgent()
    {
        await using var registry = await RunningRegistry.StartAsync();
        var request = Request(null, Bundle(), To(registry.Name("tools:v1")));
        request = request with { Layers = [.. request.Layers.Cast<FolderLayer>().Select(layer => layer with { KeepModes = false })] };

        await Backend(registry.Options).BuildAsync(request, null, Patience.Token);

        Assert.Contains(await PullAsync(registry, "tools:v1"), line => line.StartsWith("image/bundles/tools/private file 644 ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Push_WrongPassword_SaysSoWithoutIt()
    {
        await using var registry = await RunningRegistry.StartAsync(auth: true);
        registry.LogIn("battery-staple");

        var refusal = await Assert.ThrowsAsync<RegistryException>(() =>
            Backend(registry.Options).BuildAsync(Request(null, Bundle(), To(registry.Name("tools:v1"))), null, Patience.Token));

        Assert.Equal(RegistryFailure.Unauthorized, refusal.Failure);
        Assert.Contains("answered 401", refusal.Message);
        Assert.DoesNotContain("battery-staple", refusal.ToString());
        AssertNoWorkLeft();
    }

    [Fact]
    public async Task Push_CertificateOfAStranger_IsRefused()
    {
        await using var registry = await RunningRegistry.StartAsync(tls: true);

        var refusal = await Assert.ThrowsAsync<RegistryException>(() =>
            Backend(registry.Options with { CertificateFile = null }).BuildAsync(Request(null, Bundle(), To(registry.Name("tools:v1"))), null, Patience.Token));

        Assert.Equal(RegistryFailure.Unreachable, refusal.Failure);
        Assert.Contains("certificate", refusal.Message);
    }

    [Fact]
    public async Task Push_PlainHttpToARegistryWithTls_SaysWhatToDo()
    {
        await using var registry = await RunningRegistry.StartAsync(tls: true);

        var refusal = await Assert.ThrowsAsync<RegistryException>(() =>
            Backend(registry.Options).BuildAsync(Request(null, Bundle(), To($"{registry.Address}/tools:v1")), null, Patience.Token));

        Assert.StartsWith($"registry {registry.Address}: could not ", refusal.Message);
    }

    [Fact]
    public async Task Build_BaseThatIsNotThere_SaysSo()
    {
        await using var registry = await RunningRegistry.StartAsync();

        var refusal = await Assert.ThrowsAsync<RegistryException>(() =>
            Backend(registry.Options).BuildAsync(Request(registry.Name("none:1"), Bundle(), To(registry.Name("tools:v1"))), null, Patience.Token));

        Assert.Equal(RegistryFailure.NotFound, refusal.Failure);
        Assert.Contains("get the manifest none:1: it answered 404", refusal.Message);
    }

    [Theory]
    [InlineData("Base")]
    [InlineData("Layers")]
    [InlineData("Export")]
    public async Task Build_CancelledAtAStage_LeavesNothing(string stage)
    {
        await using var registry = await RunningRegistry.StartAsync();
        await BaseImages.PushAsync(registry, Temporary, "base:1");
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Patience.Token);
        var log = new RecordedLog { OnStage = at => { if (at.ToString() == stage) { cancel.Cancel(); } } };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            Backend(registry.Options).BuildAsync(Request(registry.Name("base:1"), Bundle(), To(registry.Name("tools:v1"))), log, cancel.Token));

        AssertNoWorkLeft();
        await Assert.ThrowsAsync<RegistryException>(() => Backend(registry.Options)
            .BuildAsync(Request(registry.Name("tools:v1"), Bundle("other"), To(registry.Name("tools:v2"))), null, Patience.Token));
    }

    private static async Task PutIndexAsync(RunningRegistry registry, string repository, string tag, params (string Architecture, string? Variant)[] platforms)
    {
        using var transport = new RegistryTransport(new Uri($"http://{registry.Address}"), registry.Options, TimeProvider.System);
        var target = new RegistryRepository(transport, repository);
        var manifest = await target.GetManifestAsync(tag, Patience.Token);
        var index = new ImageIndex(2, MediaTypes.Index,
            [.. platforms.Select(platform => new Descriptor(MediaTypes.Manifest, manifest.Digest.ToString(), manifest.Bytes.Length)
            {
                Platform = new(platform.Architecture, "linux") { Variant = platform.Variant },
            })]);
        await target.PutManifestAsync("all", MediaTypes.Index, Documents.Write(index), Patience.Token);
    }

    private sealed class LaterClock(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + by;
    }
}
