using System.Text.Json;
using System.Text.Json.Serialization;
using AgentKernel.Packaging.Backends.Oci.Images;

namespace AgentKernel.Packaging.Images;

/// <summary>A bundle of an image, its content known.</summary>
internal sealed record BundleInput(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("type")] string Type,
    [property: JsonPropertyName("digest")] string Digest);

/// <summary>All that an image is made of; two images of the same inputs are the same.</summary>
/// <param name="Bundles">In the order of their names.</param>
internal sealed record ImageInputs(
    [property: JsonPropertyName("bundles")] IReadOnlyList<BundleInput> Bundles,
    [property: JsonPropertyName("base_image")] string BaseImage,
    [property: JsonPropertyName("dependencies")] bool Dependencies)
{
    /// <summary>Changes when the same inputs come to be laid out in another way.</summary>
    [JsonPropertyName("format")]
    public int Format { get; init; } = 1;

    /// <summary>The image's id.</summary>
    public Digest Id() => Digest.Of(JsonSerializer.SerializeToUtf8Bytes(this, ImageFilesJson.Default.ImageInputs));
}

/// <summary>What is kept of an image beside its folder.</summary>
internal sealed record ImageRecord(
    [property: JsonPropertyName("inputs")] ImageInputs Inputs,
    [property: JsonPropertyName("created_at")] DateTimeOffset CreatedAt,
    [property: JsonPropertyName("size_bytes")] long SizeBytes,
    [property: JsonPropertyName("files")] long Files)
{
    /// <summary>Where it lies in a registry, with its digest; empty where it was not pushed.</summary>
    [JsonPropertyName("reference")]
    public string Reference { get; init; } = "";

    [JsonIgnore]
    public Digest Id { get; } = Inputs.Id();
}

/// <summary>What an agent finds beside its bundles, as <c>manifest.json</c>.</summary>
internal sealed record AgentManifest(
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("bundles")] IReadOnlyList<BundleInput> Bundles,
    [property: JsonPropertyName("dependencies_installed")] bool DependenciesInstalled);

[JsonSerializable(typeof(ImageInputs))]
[JsonSerializable(typeof(ImageRecord))]
[JsonSerializable(typeof(AgentManifest))]
internal sealed partial class ImageFilesJson : JsonSerializerContext;
