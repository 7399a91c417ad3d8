using System.Text.Json.Nodes;
using AgentKernel.Packaging.Backends.Oci;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Backends.Oci.Layers;
using AgentKernel.Packaging.Backends.Oci.Registry;
using AgentKernel.Packaging.Tests.Archives;

namespace AgentKernel.Packaging.Tests.Oci;

/// <summary>What tests of images share: a folder, a bundle, and other tools' view of the result.</summary>
public abstract class OciTest : IDisposable
{
    private protected TemporaryFolder Temporary { get; } = new();

    public void Dispose()
    {
        Temporary.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected OciBackend Backend(RegistryOptions options, string folder = "backend") => new(Temporary.Combine(folder), options, TimeProvider.System);

    private protected static OciTarget To(string reference) => new OciTarget.Registry(ImageReference.Parse(reference, "registry_url"));

    private protected static OciImageRequest Request(string? from, string folder, OciTarget target) =>
        new(from, [new FolderLayer(folder, "image/bundles/tools", "bundle tools") { KeepModes = true }], target)
        {
            Platform = new("amd64", "linux"),
            Settings = new()
            {
                Environment = new Dictionary<string, string> { ["PATH"] = "/image/bundles/tools:/usr/bin", ["ADDED"] = "1" },
                Labels = new Dictionary<string, string> { ["name"] = "tools" },
            },
        };

    /// <summary>A bundle with all kinds of files, a megabyte and a half.</summary>
    private protected string Bundle(string name = "bundle")
    {
        Temporary.Write($"{name}/helper.py", "print('hello')\n"u8, (UnixFileMode)0b111_101_101);
        Temporary.Write($"{name}/data/größe", Noise.Bytes(1_500_000, seed: 1));
        Temporary.Write($"{name}/data/empty", ""u8);
        Temporary.Write($"{name}/{new string('d', 120)}/{new string('f', 120)}", "long"u8);
        Temporary.Write($"{name}/private", "x"u8, (UnixFileMode)0b110_000_000);
        File.CreateSymbolicLink(Temporary.Combine(name, "data", "link"), "../helper.py");
        return Temporary.Combine(name);
    }

    /// <summary>What the bundle's image must hold beside its base.</summary>
    private protected static string[] Expected(string[] baseListing, string bundle) =>
    [
        .. baseListing.Concat(["image folder 755", "image/bundles folder 755", "image/bundles/tools folder 755",
            .. FolderListing.Of(bundle).Select(line => $"image/bundles/tools/{line}")]).Order(StringComparer.Ordinal),
    ];

    /// <summary>Pulls by skopeo, checks and unpacks by umoci, and lists what came out.</summary>
    private protected async Task<string[]> PullAsync(RunningRegistry registry, string repositoryAndTag, params string[] options)
    {
        var layout = Temporary.Combine($"pulled-{Guid.NewGuid():n}");
        await Tool.RunAsync("skopeo", ["copy", "-q", .. options, .. registry.Skopeo("src-"), $"docker://{registry.Address}/{repositoryAndTag}", $"oci:{layout}:pulled"]);
        return await UnpackAsync(layout, "pulled");
    }

    private protected async Task<string[]> UnpackAsync(string layout, string tag)
    {
        var bundle = Temporary.Combine($"unpacked-{Guid.NewGuid():n}");
        string[] rootless = Environment.UserName == "root" ? [] : ["--rootless"];
        await Tool.RunAsync("umoci", ["unpack", .. rootless, "--image", $"{layout}:{tag}", bundle]);
        return [.. FolderListing.Of(Path.Combine(bundle, "rootfs")).Order(StringComparer.Ordinal)];
    }

    private protected static async Task<JsonNode> InspectAsync(RunningRegistry registry, string repositoryAndTag, params string[] options) =>
        JsonNode.Parse(await Tool.RunAsync("skopeo", ["inspect", .. options, .. registry.Skopeo(""), $"docker://{registry.Address}/{repositoryAndTag}"]))!;

    /// <summary>A failed build leaves nothing of itself.</summary>
    private protected void AssertNoWorkLeft(string folder = "backend") =>
        Assert.Empty(Directory.EnumerateFileSystemEntries(Temporary.Combine(folder, "work")));
}
