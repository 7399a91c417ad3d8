using System.Text.Json.Nodes;
using AgentKernel.Contracts.OpenClaw.V1;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>Images from the command line to the agent that uses them.</summary>
public abstract class ImageTests(IKernelFixture fixture)
{
    private readonly ITestKernel _kernel = fixture.Kernel;

    [Fact]
    public async Task Image_FromFolderToAgent_IsUsedByItsTools()
    {
        var folder = Directory.CreateTempSubdirectory("agentkernel-bundle-").FullName;
        try
        {
            Write(Path.Combine(folder, "tools", "bin", "shout"), "#!/bin/sh\necho \"$1\" | tr a-z A-Z\n");
            Write(Path.Combine(folder, "sea", "SKILL.md"), "---\nname: tides\ndescription: How to compute tides.\n---\nbody\n");
            var built = JsonNode.Parse((await _kernel.CliAsync("package", "build", "crew", "--bundle", Path.Combine(folder, "tools"), "--bundle", $"{folder}/sea:skill", "--json")).Succeeded().Output)!;
            var id = (string)built["id"]!;
            Assert.StartsWith("sha256:", id, StringComparison.Ordinal);
            Assert.Contains("crew", (await _kernel.CliAsync("images")).Succeeded().Output, StringComparison.Ordinal);

            var spawned = JsonNode.Parse((await _kernel.CliAsync("spawn", "sailor", "--provider", "scripted", "--image", "crew", "--json")).Succeeded().Output)!;
            Assert.Equal(id, (string)spawned["image_id"]!);
            Assert.Contains("AHOY\n", (await _kernel.CliAsync("ask", "sailor", "run: shout ahoy")).Succeeded().Output, StringComparison.Ordinal);
            Assert.Contains("How to compute tides.", (await _kernel.CliAsync("control", "sailor", "list_skills")).Succeeded().Output, StringComparison.Ordinal);

            Write(Path.Combine(folder, "late", "whisper"), "#!/bin/sh\necho \"$1\" | tr A-Z a-z\n");
            (await _kernel.CliAsync("package", "load", "sailor", "--bundle", Path.Combine(folder, "late"))).Succeeded();
            Assert.Contains("hush\n", (await _kernel.CliAsync("ask", "sailor", "run: whisper HUSH")).Succeeded().Output, StringComparison.Ordinal);

            // The same again sends nothing and makes nothing.
            var again = JsonNode.Parse((await _kernel.CliAsync("package", "build", "crew-2", "--bundle", Path.Combine(folder, "tools"), "--bundle", $"{folder}/sea:skill", "--json")).Succeeded().Output)!;
            Assert.Equal(id, (string)again["id"]!);
            (await _kernel.CliAsync("kill", "sailor")).Succeeded();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Spawn_WithAnUnknownImageOrScript_NamesTheFieldAndLeavesNothing()
    {
        var image = await Assert.ThrowsAsync<RpcException>(() => _kernel.Client.Spawner.SpawnAsync(new SpawnAgentRequest { Name = "lost", ImageId = "nowhere" }, TestContext.Current.CancellationToken));
        Assert.Equal((RpcStatusCode.NotFound, "image_id: there is no image 'nowhere'"), (image.Code, image.Message));
        var script = await Assert.ThrowsAsync<RpcException>(() => _kernel.Client.Spawner.SpawnAsync(new SpawnAgentRequest { Name = "lost", SetupScriptUri = $"blob://sha256:{new string('0', 64)}" }, TestContext.Current.CancellationToken));
        Assert.Equal(RpcStatusCode.NotFound, script.Code);
        Assert.StartsWith("setup_script_uri", script.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(await _kernel.Client.Spawner.ListAsync(cancellationToken: TestContext.Current.CancellationToken), agent => agent.Name == "lost" && agent.Live);
    }

    [Fact]
    public async Task Spawn_WithASetupScript_RunsItBefore_AndFailsWithItsOutput()
    {
        var folder = Directory.CreateTempSubdirectory("agentkernel-setup-").FullName;
        try
        {
            var good = Path.Combine(folder, "good");
            Write(good, "#!/bin/sh\necho prepared > state\n");
            (await _kernel.CliAsync("spawn", "prepared", "--provider", "scripted", "--setup", good)).Succeeded();
            Assert.Contains("prepared\n", (await _kernel.CliAsync("ask", "prepared", "run: cat state")).Succeeded().Output, StringComparison.Ordinal);
            (await _kernel.CliAsync("kill", "prepared")).Succeeded();

            var bad = Path.Combine(folder, "bad");
            Write(bad, "#!/bin/sh\necho the moon is missing >&2\nexit 3\n");
            var refused = await _kernel.CliAsync("spawn", "unprepared", "--provider", "scripted", "--setup", bad);
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains("the moon is missing", refused.Error, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Blob_PutAndGet_GiveTheSame()
    {
        var folder = Directory.CreateTempSubdirectory("agentkernel-blob-").FullName;
        try
        {
            Write(Path.Combine(folder, "in"), "some content");
            var uri = (await _kernel.CliAsync("blob", "put", Path.Combine(folder, "in"))).Succeeded().Output.Trim();
            Assert.Equal("some content", (await _kernel.CliAsync("blob", "get", uri)).Succeeded().Output);
            (await _kernel.CliAsync("blob", "get", uri, "-o", Path.Combine(folder, "out"))).Succeeded();
            Assert.Equal("some content", await File.ReadAllTextAsync(Path.Combine(folder, "out"), TestContext.Current.CancellationToken));
            var missing = await _kernel.CliAsync("blob", "get", $"blob://sha256:{new string('0', 64)}", "-o", Path.Combine(folder, "none"));
            Assert.Equal((1, false), (missing.ExitCode, File.Exists(Path.Combine(folder, "none"))));
            Assert.Equal(2, (await _kernel.CliAsync("blob", "put", Path.Combine(folder, "missing"))).ExitCode);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Write(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}

public sealed class ImageTestsInOneProcess(KernelFixture fixture) : ImageTests(fixture), IClassFixture<KernelFixture>
{
    private readonly ITestKernel _kernel = fixture.Kernel;

    // Here alone: the spawner's address is known before the packaging service starts.
    [Fact]
    public async Task Prune_WhileAnAgentUsesTheImage_LeavesIt()
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, Guid.NewGuid().ToString(), TestContext.Current.CancellationToken);
            var blob = await _kernel.Client.Blobs.UploadFileAsync(file, cancellationToken: TestContext.Current.CancellationToken);
            var image = await _kernel.Client.Packaging.CreateImageAsync(new() { Name = "used", Bundles = { new Bundle { Uri = blob.Uri, Labels = new() { Name = "it" } } } }, cancellationToken: TestContext.Current.CancellationToken);
            var agent = await _kernel.Client.Spawner.SpawnAsync(new SpawnAgentRequest { Name = "user", ImageId = "used", SpawnInfo = Any.Pack(new OpenClawSpawnInfo { Provider = "scripted" }) }, TestContext.Current.CancellationToken);
            Assert.DoesNotContain((await _kernel.Client.Packaging.PruneAsync(all: true, TestContext.Current.CancellationToken)).Images, pruned => pruned.Id == image.Id);
            var refused = await Assert.ThrowsAsync<RpcException>(() => _kernel.Client.Packaging.DeleteAsync(image.Id, TestContext.Current.CancellationToken));
            Assert.Equal(RpcStatusCode.FailedPrecondition, refused.Code);
            await _kernel.Client.Spawner.KillAsync(agent, TestContext.Current.CancellationToken);
            Assert.Contains((await _kernel.Client.Packaging.PruneAsync(all: true, TestContext.Current.CancellationToken)).Images, pruned => pruned.Id == image.Id);
        }
        finally
        {
            File.Delete(file);
        }
    }
}

public sealed class ImageTestsOfServices(ServicesFixture fixture) : ImageTests(fixture), IClassFixture<ServicesFixture>;
