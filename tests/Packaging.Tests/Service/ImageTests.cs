using System.Text.Json;
using AgentKernel.Contracts.V1;
using AgentKernel.Packaging.Images;
using AgentKernel.Rpc;

namespace AgentKernel.Packaging.Tests.Service;

public sealed class ImageTests
{
    [Fact]
    public async Task CreateImage_FoldersAndFiles_AreLaidOutReadOnlyAndShared()
    {
        await using var service = await RunningPackaging.StartAsync();
        using var file = new TemporaryFolder();
        var data = (await service.Client.Blobs.UploadFileAsync(file.Write("numbers", "1 2 3"u8))).Uri;
        var script = (await service.Client.Blobs.UploadFileAsync(file.Write("greet", "#!/bin/sh\necho hello\n"u8))).Uri;
        var helpers = await service.UploadAsync(("tool.sh", "echo tool"), ("lib/a.py", "A = 1"));
        var image = await service.Client.Packaging.CreateImageAsync(
            RunningPackaging.Request("team", (helpers, "helpers", "helpers"), (data, "numbers", ""), (script, "greet", "helpers")));

        var path = service.Images.Resolve("team").Path;
        Assert.Equal(["bundles/greet/greet", "bundles/helpers/lib/a.py", "bundles/helpers/tool.sh", "bundles/numbers/numbers", "manifest.json"],
            Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Select(each => Path.GetRelativePath(path, each)).Order(StringComparer.Ordinal));
        Assert.Equal("1 2 3", await File.ReadAllTextAsync(Path.Combine(path, "bundles/numbers/numbers")));
        Assert.Equal((UnixFileMode)0b101_101_101, File.GetUnixFileMode(Path.Combine(path, "bundles/helpers/tool.sh")));
        Assert.Equal((UnixFileMode)0b101_101_101, File.GetUnixFileMode(Path.Combine(path, "bundles/greet/greet")));
        Assert.Equal((UnixFileMode)0b100_100_100, File.GetUnixFileMode(Path.Combine(path, "bundles/helpers/lib/a.py")));
        Assert.All(Directory.EnumerateDirectories(path, "*", SearchOption.AllDirectories).Prepend(path), folder => Assert.Equal((UnixFileMode)0b101_101_101, File.GetUnixFileMode(folder)));
        var inode = await Tool.RunAsync("stat", "-c", "%h", Path.Combine(path, "bundles/numbers/numbers"));
        Assert.Equal("2", inode.Trim()); // the blob's file and the image's are one

        using var manifest = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(path, "manifest.json")));
        Assert.Equal(image.Id, manifest.RootElement.GetProperty("id").GetString());
        Assert.Equal(["greet", "helpers", "numbers"], manifest.RootElement.GetProperty("bundles").EnumerateArray().Select(bundle => bundle.GetProperty("name").GetString()));
        Assert.Equal(["team"], image.Names);
        Assert.Equal(4, image.Files);
        Assert.Equal(image, await service.Client.Packaging.GetAsync(image.Id));
    }

    [Fact]
    public async Task CreateImage_SameInputs_IsTheSameImageAndAlreadyThere()
    {
        await using var service = await RunningPackaging.StartAsync();
        var a = await service.UploadAsync(("a", "1"));
        var b = await service.UploadAsync(("b", "2"));
        var first = await service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("one", (a, "a", "data"), (b, "b", "data")));
        var job = await EndedAsync(service, RunningPackaging.Request("two", (b, "b", "data"), (a, "a", "")));
        Assert.True(job.Cached);
        Assert.Equal(first.Id, job.Image.Id);
        Assert.Equal(["one", "two"], job.Image.Names);
        var other = await service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("three", (a, "a", "helpers"), (b, "b", "data")));
        Assert.NotEqual(first.Id, other.Id);
        Assert.Equal(2, (await service.Client.Packaging.ListAsync()).Count);
    }

    [Fact]
    public async Task CreateImage_NewContentUnderAName_MovesTheName()
    {
        await using var service = await RunningPackaging.StartAsync();
        var first = await service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("one", (await service.UploadAsync(("a", "1")), "a", "")));
        var second = await service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("one", (await service.UploadAsync(("a", "2")), "a", "")));
        Assert.NotEqual(first.Id, second.Id);
        Assert.Equal(second.Id, (await service.Client.Packaging.GetAsync("one")).Id);
        Assert.Empty((await service.Client.Packaging.GetAsync(first.Id)).Names);
    }

    [Fact]
    public async Task Restart_Images_AreStillThere()
    {
        using var home = new TemporaryFolder();
        string id;
        await using (var service = await RunningPackaging.StartAsync(home: home.Path))
        {
            id = (await service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("one", (await service.UploadAsync(("a", "1")), "a", "")))).Id;
            // What a crash in the middle of a build, of a removal and of an upload leaves.
            Directory.CreateDirectory(Path.Combine(home.Path, "packaging/images", new string('0', 64)));
            File.WriteAllText(Path.Combine(home.Path, "packaging/blobs/uploads/half"), "x");
            Directory.CreateDirectory(Path.Combine(home.Path, "packaging/work/half"));
        }

        await using var again = await RunningPackaging.StartAsync(home: home.Path);
        Assert.Equal(id, (await again.Client.Packaging.GetAsync("one")).Id);
        Assert.True(await again.Client.Blobs.SizeAsync((await again.Client.Packaging.GetAsync("one")).Bundles[0].Digest.Insert(0, "blob://")) > 0);
        Assert.DoesNotContain(again.Leftovers(), left => left.Contains("half", StringComparison.Ordinal) || left.Contains("000000", StringComparison.Ordinal));
        Assert.Throws<InvalidOperationException>(() => new PackagingFolder(new(home.Path))); // one service at a time
    }

    [Fact]
    public async Task Prune_RemovesWhatNothingNeeds_AndNeverWhatIsInUse()
    {
        await using var service = await RunningPackaging.StartAsync();
        var uri = await service.UploadAsync(("a", "1"));
        var old = await service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("one", (uri, "a", "")));
        await service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("one", (await service.UploadAsync(("a", "2")), "a", "")));
        var loose = await service.UploadAsync(("never", "used"));

        service.Users.InUse.Add(old.Id);
        var pruned = await service.Client.Packaging.PruneAsync();
        Assert.Empty(pruned.Images);
        Assert.Equal(1, pruned.Blobs);
        Assert.Null(await service.Client.Blobs.SizeAsync(loose));
        Assert.NotNull(await service.Client.Blobs.SizeAsync(uri));
        var refused = await Assert.ThrowsAsync<RpcException>(() => service.Client.Packaging.DeleteAsync(old.Id));
        Assert.Equal(RpcStatusCode.FailedPrecondition, refused.Code);

        service.Users.InUse.Clear();
        service.Users.Meanwhile = () => service.Images.Resolve(old.Id); // an agent is started with it this moment
        Assert.Empty((await service.Client.Packaging.PruneAsync()).Images);

        service.Users.Meanwhile = null;
        pruned = await service.Client.Packaging.PruneAsync();
        Assert.Equal([old.Id], pruned.Images.Select(image => image.Id));
        Assert.Equal((1, true), (pruned.Blobs, pruned.FreedBytes > 0));
        Assert.Null(await service.Client.Blobs.SizeAsync(uri));
        Assert.Single(await service.Client.Packaging.ListAsync());

        Assert.Single((await service.Client.Packaging.PruneAsync(all: true)).Images);
        Assert.Empty(service.Leftovers());
    }

    [Fact]
    public async Task Delete_OneOfTwoNames_LeavesTheImage()
    {
        await using var service = await RunningPackaging.StartAsync();
        var uri = await service.UploadAsync(("a", "1"));
        await service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("one", (uri, "a", "")));
        await service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("two", (uri, "a", "")));
        await service.Client.Packaging.DeleteAsync("one");
        Assert.Equal(["two"], (await service.Client.Packaging.GetAsync("two")).Names);
        await service.Client.Packaging.DeleteAsync("two");
        Assert.Empty(await service.Client.Packaging.ListAsync());
        Assert.Equal(RpcStatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => service.Client.Packaging.GetAsync("two"))).Code);
    }

    [Fact]
    public async Task Calls_WithoutTheToken_AreRefused()
    {
        await using var service = await RunningPackaging.StartAsync();
        using var stranger = new AgentKernel.Client.AgentKernelClient(service.Http, service.Http, "wrong");
        using var http = new HttpClient { BaseAddress = service.Http };
        foreach (var method in new[] { "CreateAgentImage", "GetJob", "CancelJob", "ListImages", "GetImage", "DeleteImage", "PruneImages", "ResolveImage" })
        {
            using var answer = await http.PostAsync($"agentkernel.v1.PackagingService/{method}", new StringContent("{}", null, "application/json"));
            Assert.Equal(System.Net.HttpStatusCode.Unauthorized, answer.StatusCode);
        }

        using var put = await http.PutAsync("v1/blobs", new StringContent("x"));
        Assert.Equal(System.Net.HttpStatusCode.Unauthorized, put.StatusCode);
        using var get = await http.GetAsync($"v1/blobs/sha256:{new string('0', 64)}");
        Assert.Equal(System.Net.HttpStatusCode.Unauthorized, get.StatusCode);
    }

    internal static async Task<Job> EndedAsync(RunningPackaging service, CreateAgentImageRequest request)
    {
        var job = await service.Client.Packaging.StartImageAsync(request);
        await foreach (var change in service.Client.Packaging.WatchJobAsync(job.Id).WithCancellation(new CancellationTokenSource(RunningPackaging.Patience).Token))
        {
            job = change.Job;
        }

        return job;
    }
}
