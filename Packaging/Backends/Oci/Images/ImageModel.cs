using System.Text.Json.Serialization;

namespace AgentKernel.Packaging.Backends.Oci.Images;

/// <summary>Names a blob: what it is, its digest and its length in bytes (OCI image specification, descriptor).</summary>
internal sealed record Descriptor(string MediaType, string Digest, long Size)
{
    public Platform? Platform { get; init; }

    public IReadOnlyList<string>? Urls { get; init; }

    public SortedDictionary<string, string>? Annotations { get; init; }
}

/// <summary>What an image runs on, such as linux/amd64 or linux/arm64/v8.</summary>
internal sealed record Platform(string Architecture, string Os)
{
    public string? Variant { get; init; }

    public override string ToString() => Variant is null ? $"{Os}/{Architecture}" : $"{Os}/{Architecture}/{Variant}";
}

/// <summary>An image: its config and its layers, the lowest first.</summary>
internal sealed record ImageManifest(int SchemaVersion, string? MediaType, Descriptor Config, IReadOnlyList<Descriptor> Layers)
{
    public SortedDictionary<string, string>? Annotations { get; init; }
}

/// <summary>One image for each of several platforms, or the table of contents of an OCI layout.</summary>
internal sealed record ImageIndex(int SchemaVersion, string? MediaType, IReadOnlyList<Descriptor> Manifests);

/// <summary>The file <c>oci-layout</c>.</summary>
internal sealed record LayoutVersion([property: JsonPropertyName("imageLayoutVersion")] string Version);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ImageManifest))]
[JsonSerializable(typeof(ImageIndex))]
[JsonSerializable(typeof(LayoutVersion))]
internal sealed partial class ImageJson : JsonSerializerContext;
