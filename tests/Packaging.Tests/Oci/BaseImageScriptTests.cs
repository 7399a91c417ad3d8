using System.Diagnostics;

namespace AgentKernel.Packaging.Tests.Oci;

/// <summary>deploy/build-base-image.sh, with a root file system and a runtime that are small.</summary>
public sealed class BaseImageScriptTests : OciTest
{
    private static readonly string Repository = Find();

    [Fact]
    public async Task Run_WithARegistry_PushesWhatRunsTheRuntime()
    {
        await using var registry = await RunningRegistry.StartAsync();

        var (exitCode, reference, errors) = await RunAsync($"{registry.Address}/agent-runtime:1");

        Assert.True(exitCode == 0, errors);
        Assert.StartsWith($"{registry.Address}/agent-runtime@sha256:", reference);
        var files = await PullAsync(registry, "agent-runtime:1");
        Assert.Contains("usr/local/bin/agent-runtime -> /opt/agentkernel/agent-runtime/agent-runtime", files);
        Assert.Contains(files, line => line.StartsWith("opt/agentkernel/agent-runtime/agent-runtime file 755 ", StringComparison.Ordinal));
        Assert.Contains(files, line => line.StartsWith("etc/os-release file 644 ", StringComparison.Ordinal));
        Assert.Contains(files, line => line.StartsWith("usr/share/dotnet/dotnet file 755 ", StringComparison.Ordinal));
        Assert.Contains(files, line => line.Contains("usr/share/dotnet/shared/Microsoft.AspNetCore.App/10.", StringComparison.Ordinal));
        var config = (await InspectAsync(registry, "agent-runtime:1", "--config"))["config"]!;
        Assert.Equal(("1000:1000", "/home/agent", """["agent-runtime"]"""), ((string?)config["User"], (string?)config["WorkingDir"], config["Entrypoint"]!.ToJsonString()));
    }

    [Fact]
    public async Task Run_Again_GivesTheSameImage()
    {
        var archive = $"oci-archive:{Temporary.Combine("one.tar")}:v1";

        Assert.Equal(0, (await RunAsync(archive)).ExitCode);
        Assert.Equal(0, (await RunAsync(archive.Replace("one.tar", "two.tar", StringComparison.Ordinal), "--force")).ExitCode);

        Assert.Equal(await File.ReadAllBytesAsync(Temporary.Combine("one.tar")), await File.ReadAllBytesAsync(Temporary.Combine("two.tar")));
    }

    [Fact]
    public async Task Run_WithoutATarget_SaysHowItIsUsed()
    {
        var (exitCode, _, errors) = await RunAsync();

        Assert.Equal(2, exitCode);
        Assert.Contains("usage: deploy/build-base-image.sh [--force] TARGET", errors);
    }

    [Fact]
    public async Task Run_RootFileSystemThatIsNoArchive_IsRefused()
    {
        Temporary.Write("root.tar", "#!/bin/sh\n"u8);

        var (exitCode, _, errors) = await RunAsync($"oci:{Temporary.Combine("layout")}:v1");

        Assert.Equal(1, exitCode);
        Assert.Contains("root.tar is no tar archive", errors);
        Assert.False(Directory.Exists(Temporary.Combine("layout")));
    }

    private async Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        if (!File.Exists(Temporary.Combine("root.tar")))
        {
            Temporary.Write("root/etc/os-release", "ID=test\n"u8);
            Temporary.Write("root/bin/sh", "#!"u8, (UnixFileMode)0b111_101_101);
            await Tool.RunAsync("tar", "-cf", Temporary.Combine("root.tar"), "-C", Temporary.Combine("root"), ".");
        }

        Temporary.Write("runtime/agent-runtime", "#!/bin/sh\n"u8, (UnixFileMode)0b111_101_101);
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        using var process = Process.Start(new ProcessStartInfo(Path.Combine(Repository, "deploy", "build-base-image.sh"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            Environment =
            {
                ["ROOTFS"] = Temporary.Combine("root.tar"),
                ["RUNTIME"] = Temporary.Combine("runtime"),
                ["IMAGE_BUILDER"] = Path.Combine(Repository, "artifacts", "bin", "ImageBuilder", configuration, "AgentKernel.ImageBuilder"),
                ["DOCKER_CONFIG"] = Temporary.Path,
            },
        })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(Patience.Token), process.StandardError.ReadToEndAsync(Patience.Token));
        await process.WaitForExitAsync(Patience.Token);
        return (process.ExitCode, (await output).Trim(), await errors);
    }

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "AgentKernel.slnf")))
        {
            folder = folder.Parent ?? throw new DirectoryNotFoundException("the tests run outside of the repository");
        }

        return folder.FullName;
    }
}
