using System.Text.Json.Nodes;
using AgentKernel.Packaging.Backends.Oci.Registry;

namespace AgentKernel.Packaging.Backends.Oci.Images;

/// <summary>What an image is built on: the documents of another image, whose layers stay where they are until they are needed.</summary>
/// <param name="Reference">Where it was found; null for an empty base.</param>
/// <param name="Config">Its config document, whole.</param>
/// <param name="Layers">Its layers under OCI's names, the lowest first.</param>
internal sealed record BaseImage(ImageReference? Reference, Digest? Digest, JsonObject Config, IReadOnlyList<Descriptor> Layers)
{
    private const string SupportedOs = "linux";

    /// <summary>A base with nothing in it.</summary>
    public static BaseImage Empty(Platform platform) => new(null, null, ImageConfig.Empty(platform), []);

    /// <summary>
    /// Finds the base image for <paramref name="platform"/>: an index is followed to it. Throws <see cref="OciException"/> when
    /// there is none for the platform or its documents are malformed, and <see cref="RegistryException"/>.
    /// </summary>
    public static async Task<BaseImage> FindAsync(RegistryRepository repository, ImageReference reference, Platform platform, CancellationToken cancellationToken)
    {
        var fetched = await repository.GetManifestAsync(reference.TagOrDigest, cancellationToken);
        var name = reference.ToString();
        if (MediaTypes.IsIndex(Documents.TypeOf(fetched, name)))
        {
            var index = Documents.ReadIndex(fetched.Bytes, name);
            var wanted = Choose(index, platform) ?? throw OtherPlatform(name, platform,
                index.Manifests.Select(entry => entry.Platform).OfType<Platform>().Where(has => has.Os != "unknown").Select(has => has.ToString()));
            fetched = await repository.GetManifestAsync(wanted.Digest, cancellationToken);
        }

        if (!MediaTypes.IsManifest(Documents.TypeOf(fetched, name)))
        {
            throw new OciException($"base image {name}: its manifest is of the type '{Documents.TypeOf(fetched, name)}', which is not supported");
        }

        var manifest = Documents.ReadManifest(fetched.Bytes, name);
        if (!MediaTypes.IsConfig(manifest.Config.MediaType))
        {
            throw new OciException($"base image {name}: is no container image, but an artifact of the type '{manifest.Config.MediaType}'");
        }

        var config = ImageConfig.Parse(await repository.ReadBlobAsync(manifest.Config, cancellationToken), manifest.Layers.Count, name);
        var has = ImageConfig.PlatformOf(config);
        if (!Fits(has, platform))
        {
            throw OtherPlatform(name, platform, [has.ToString()]);
        }

        return new(reference, fetched.Digest, config,
            [.. manifest.Layers.Select(layer => layer with { MediaType = MediaTypes.OfLayer(layer.MediaType) })]);
    }

    /// <summary>What this machine runs, by OCI's names.</summary>
    public static Platform ThisMachine { get; } = System.Runtime.InteropServices.RuntimeInformation.OSArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => new("amd64", SupportedOs),
        System.Runtime.InteropServices.Architecture.X86 => new("386", SupportedOs),
        System.Runtime.InteropServices.Architecture.Arm64 => new("arm64", SupportedOs),
        System.Runtime.InteropServices.Architecture.Arm => new("arm", SupportedOs) { Variant = "v7" },
        var other => new(other.ToString().ToLowerInvariant(), SupportedOs),
    };

    /// <summary>The entry whose variant is the wanted one, else the first that fits.</summary>
    private static Descriptor? Choose(ImageIndex index, Platform wanted)
    {
        var fitting = index.Manifests.Where(entry => entry.Platform is { } has && Fits(has, wanted)).ToList();
        return fitting.Find(entry => entry.Platform!.Variant == wanted.Variant) ?? fitting.FirstOrDefault();
    }

    private static bool Fits(Platform has, Platform wanted) =>
        has.Os == wanted.Os && has.Architecture == wanted.Architecture && (wanted.Variant is null || has.Variant is null || has.Variant == wanted.Variant);

    private static OciException OtherPlatform(string name, Platform wanted, IEnumerable<string> available) =>
        new($"base image {name}: is not for {wanted}; it is for {string.Join(", ", available)}");
}
