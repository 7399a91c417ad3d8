using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using AgentKernel.Packaging.Backends.Oci.Registry;

namespace AgentKernel.Packaging.Backends.Oci.Images;

/// <summary>Reads strangers' manifests and indexes, and writes this project's own.</summary>
internal static class Documents
{
    /// <summary>More layers than any tool makes or any file system stacks.</summary>
    private const int MaxLayers = 1000;

    // Media types have a '+' in them, which needs no escaping outside of HTML.
    private static readonly ImageJson Json = new(new JsonSerializerOptions(ImageJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static byte[] Write(ImageManifest manifest) => JsonSerializer.SerializeToUtf8Bytes(manifest, Json.ImageManifest);

    public static byte[] Write(ImageIndex index) => JsonSerializer.SerializeToUtf8Bytes(index, Json.ImageIndex);

    public static byte[] Write(LayoutVersion version) => JsonSerializer.SerializeToUtf8Bytes(version, Json.LayoutVersion);

    /// <summary>What a manifest says it is, else what the registry said: the two have to agree, or it could be read in two ways.</summary>
    public static string TypeOf(FetchedManifest fetched, string image)
    {
        string? own;
        try
        {
            own = JsonNode.Parse(fetched.Bytes) is JsonObject document ? (string?)document["mediaType"] : throw Malformed(image);
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            throw Malformed(image, malformed);
        }

        return own is null || own == fetched.MediaType ? fetched.MediaType
            : throw new OciException($"base image {image}: its manifest says that it is '{own}', and the registry that it is '{fetched.MediaType}'");
    }

    /// <summary>Throws <see cref="OciException"/> when the bytes are no manifest, or name a blob that cannot be.</summary>
    public static ImageManifest ReadManifest(byte[] bytes, string image)
    {
        var manifest = Read(bytes, Json.ImageManifest, image);
        if (manifest is not { Config: { } config, Layers: { } layers } || layers.Count > MaxLayers || !layers.Prepend(config).All(Valid))
        {
            throw Malformed(image);
        }

        return manifest;
    }

    /// <summary>Throws <see cref="OciException"/> when the bytes are no index.</summary>
    public static ImageIndex ReadIndex(byte[] bytes, string image)
    {
        var index = Read(bytes, Json.ImageIndex, image);
        return index is { Manifests: { } manifests } && manifests.All(Valid) ? index : throw Malformed(image);
    }

    private static T Read<T>(byte[] bytes, JsonTypeInfo<T> type, string image)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, type) ?? throw Malformed(image);
        }
        catch (JsonException malformed)
        {
            throw Malformed(image, malformed);
        }
    }

    private static bool Valid(Descriptor? descriptor) =>
        descriptor is { MediaType.Length: > 0, Size: >= 0 } && Digest.TryParse(descriptor.Digest) is not null;

    private static OciException Malformed(string image, Exception? inner = null) => new($"base image {image}: its manifest is malformed", inner);
}
