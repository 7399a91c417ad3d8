using AgentKernel.Contracts.V1;
using AgentKernel.Packaging.Tests.Archives;
using AgentKernel.Packaging.Tests.Oci;
using AgentKernel.Rpc;

namespace AgentKernel.Packaging.Tests.Service;

/// <summary>Images that go to a registry as well, through the service.</summary>
public sealed class PushTests : OciTest
{
    [Fact]
    public async Task CreateImage_WithPush_OthersUnpackWhatAgentsSee()
    {
        await using var registry = await RunningRegistry.StartAsync(tls: true, auth: true);
        await BaseImages.PushAsync(registry, Temporary, "base:1");
        await using var service = await RunningPackaging.StartAsync(OptionsFor(registry));
        var request = RunningPackaging.Request("crew", (await service.UploadAsync(("tool.sh", "echo x"), ("lib/a.py", "A = 1")), "tools", "helpers"), (await service.UploadAsync(("SKILL.md", "s")), "sea", "skill"));
        request.Push = true;
        request.BaseImage = registry.Name("base:1");

        var job = await ImageTests.EndedAsync(service, request);
        Assert.Equal((JobState.Succeeded, ""), (job.State, job.Error));
        Assert.StartsWith($"{registry.Address}/agents/crew@sha256:", job.Image.Reference, StringComparison.Ordinal);
        var local = FolderListing.Of(service.Images.Resolve("crew").Path).Select(line => $"image/{line}");
        var pulled = (await PullAsync(registry, $"agents/crew:{job.Image.Id["sha256:".Length..]}")).Where(line => line.StartsWith("image/", StringComparison.Ordinal));
        // Folders that only lead somewhere may be written to by root in the one and by nobody in the other.
        Assert.Equal(local.Where(line => !line.Contains(" folder ", StringComparison.Ordinal)).Order(StringComparer.Ordinal), pulled.Where(line => !line.Contains(" folder ", StringComparison.Ordinal)).Order(StringComparer.Ordinal));

        var again = await ImageTests.EndedAsync(service, request);
        Assert.Equal((true, job.Image.Reference), (again.Cached, again.Image.Reference));
    }

    [Fact]
    public async Task CreateImage_LocalOneIsThere_PushAddsTheReference()
    {
        await using var registry = await RunningRegistry.StartAsync();
        await using var service = await RunningPackaging.StartAsync(OptionsFor(registry));
        var request = RunningPackaging.Request("crew", (await service.UploadAsync(("a", "1")), "a", ""));
        var local = await service.Client.Packaging.CreateImageAsync(request);
        request.Push = true;
        var job = await ImageTests.EndedAsync(service, request);
        Assert.Equal((local.Id, false), (job.Image.Id, job.Cached));
        Assert.NotEmpty(job.Image.Reference);
    }

    [Fact]
    public async Task CreateImage_RegistryRefusesOrIsNotThere_FailsAndLeavesNothing()
    {
        await using var registry = await RunningRegistry.StartAsync(auth: true);
        var options = OptionsFor(registry);
        options.DockerConfig = Temporary.Write("none.json", "{}"u8);
        await using (var service = await RunningPackaging.StartAsync(options))
        {
            await FailsAsync(service, RpcStatusCode.PermissionDenied);
        }

        await using (var gone = await RunningRegistry.StartAsync())
        {
            options.RegistryUrl = gone.Name("agents"); // where nothing listens any more
        }

        await using var alone = await RunningPackaging.StartAsync(options);
        await FailsAsync(alone, RpcStatusCode.Unavailable);
    }

    [Fact]
    public async Task Cancel_WhilePushing_LeavesNothing()
    {
        await using var registry = await RunningRegistry.StartAsync();
        await using var service = await RunningPackaging.StartAsync(OptionsFor(registry));
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        service.Builder.AtStage = (stage, cancellationToken) =>
        {
            if (stage is JobStage.Pushing)
            {
                reached.SetResult();
                return Task.Delay(Timeout.Infinite, cancellationToken); // until it is cancelled
            }

            return Task.CompletedTask;
        };
        var request = RunningPackaging.Request("crew", (await service.UploadAsync(("a", "1")), "a", ""));
        request.Push = true;
        var job = await service.Client.Packaging.StartImageAsync(request);
        await reached.Task.WaitAsync(RunningPackaging.Patience);
        Assert.Equal(JobState.Cancelled, (await service.Client.Packaging.CancelJobAsync(job.Id)).State);
        Assert.Empty(await service.Client.Packaging.ListAsync());
        Assert.DoesNotContain(service.Leftovers(), left => !left.StartsWith("unpacked", StringComparison.Ordinal));
    }

    [Fact]
    public async Task CreateImage_PushWithoutARegistryOrBaseWithoutPush_IsRefused()
    {
        await using var service = await RunningPackaging.StartAsync();
        var request = RunningPackaging.Request("crew", (await service.UploadAsync(("a", "1")), "a", ""));
        request.Push = true;
        Assert.Equal(RpcStatusCode.FailedPrecondition, (await Assert.ThrowsAsync<RpcException>(() => service.Client.Packaging.StartImageAsync(request))).Code);
        request.Push = false;
        request.BaseImage = "debian";
        Assert.StartsWith("base_image", (await Assert.ThrowsAsync<RpcException>(() => service.Client.Packaging.StartImageAsync(request))).Message, StringComparison.Ordinal);
    }

    private static PackagingOptions OptionsFor(RunningRegistry registry) => new()
    {
        RegistryUrl = registry.Name("agents"),
        RegistryCertificates = registry.Options.CertificateFile,
        DockerConfig = registry.Options.DockerConfig,
    };

    private static async Task FailsAsync(RunningPackaging service, RpcStatusCode code)
    {
        var request = RunningPackaging.Request("crew", (await service.UploadAsync(("a", "1")), "a", ""));
        request.Push = true;
        var failed = await Assert.ThrowsAsync<RpcException>(() => service.Client.Packaging.CreateImageAsync(request));
        Assert.Equal(code, failed.Code);
        Assert.Empty(await service.Client.Packaging.ListAsync());
        Assert.DoesNotContain(service.Leftovers(), left => !left.StartsWith("unpacked", StringComparison.Ordinal));
    }
}
