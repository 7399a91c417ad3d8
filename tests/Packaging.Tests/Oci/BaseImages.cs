using AgentKernel.Packaging.Tests.Archives;

namespace AgentKernel.Packaging.Tests.Oci;

/// <summary>Base images that other tools have made.</summary>
internal static class BaseImages
{
    /// <summary>Makes a small root file system and pushes it as an image, by umoci and skopeo. Answers the listing of its files.</summary>
    public static async Task<string[]> PushAsync(RunningRegistry registry, TemporaryFolder temporary, string repositoryAndTag, params string[] options)
    {
        var folder = $"base-{Guid.NewGuid():n}";
        temporary.Write($"{folder}/root/etc/os-release", "ID=test\n"u8);
        temporary.Write($"{folder}/root/usr/bin/tool", "#!/bin/sh\n"u8, (UnixFileMode)0b111_101_101);
        temporary.Write($"{folder}/root/usr/share/large", Noise.Bytes(3_000_000, seed: 7));
        File.CreateSymbolicLink(temporary.Combine(folder, "root", "bin"), "usr/bin");
        var layout = temporary.Combine(folder, "layout");
        await Tool.RunAsync("umoci", "init", "--layout", layout);
        await Tool.RunAsync("umoci", "new", "--image", $"{layout}:base");
        string[] rootless = Environment.UserName == "root" ? [] : ["--rootless"];
        await Tool.RunAsync("umoci", ["insert", .. rootless, "--image", $"{layout}:base", temporary.Combine(folder, "root"), "/"]);
        await Tool.RunAsync("umoci", "config", "--image", $"{layout}:base", "--config.env", "BASE=kept", "--config.env", "PATH=/usr/bin", "--config.cmd", "tool");
        await Tool.RunAsync("skopeo", ["copy", "-q", .. options, .. registry.Skopeo("dest-"), $"oci:{layout}:base", $"docker://{registry.Address}/{repositoryAndTag}"]);
        return FolderListing.Of(temporary.Combine(folder, "root"));
    }
}
