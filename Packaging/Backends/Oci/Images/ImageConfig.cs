using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgentKernel.Packaging.Backends.Oci.Layers;

namespace AgentKernel.Packaging.Backends.Oci.Images;

/// <summary>What a new image changes of how its base is run; null leaves it as the base has it.</summary>
internal sealed record RunSettings
{
    public IReadOnlyList<string>? Entrypoint { get; init; }

    public string? User { get; init; }

    public string? WorkingDirectory { get; init; }

    /// <summary>Added to the base's environment, or put in the place of variables of the same name.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new SortedDictionary<string, string>();

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new SortedDictionary<string, string>();
}

/// <summary>An image's config document. What this code does not know of a base's is kept as it is.</summary>
internal static class ImageConfig
{
    /// <summary>A fixed time: the same inputs give the same image on any day.</summary>
    private const string Created = "2000-01-01T00:00:00Z";

    private static readonly JsonSerializerOptions Written = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The config of an image without layers.</summary>
    public static JsonObject Empty(Platform platform)
    {
        var config = new JsonObject
        {
            ["created"] = Created,
            ["architecture"] = platform.Architecture,
            ["os"] = platform.Os,
        };
        if (platform.Variant is { } variant)
        {
            config["variant"] = variant;
        }

        config["config"] = new JsonObject();
        config["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray() };
        config["history"] = new JsonArray();
        return config;
    }

    /// <summary>Throws <see cref="OciException"/> when the bytes are no config of an image with <paramref name="layers"/> layers.</summary>
    public static JsonObject Parse(ReadOnlySpan<byte> bytes, int layers, string image)
    {
        try
        {
            if (JsonNode.Parse(bytes) is JsonObject config
                && (string?)config["os"] is not null && (string?)config["architecture"] is not null
                && config["rootfs"] is JsonObject rootfs && rootfs["diff_ids"] is JsonArray ids && ids.Count == layers
                && ids.All(id => Digest.TryParse((string?)id) is not null))
            {
                return config;
            }
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException or FormatException)
        {
            throw new OciException($"base image {image}: its config is malformed", malformed);
        }

        throw new OciException($"base image {image}: its config does not fit its {layers} layers");
    }

    public static Platform PlatformOf(JsonObject config) =>
        new((string)config["architecture"]!, (string)config["os"]!) { Variant = (string?)config["variant"] };

    /// <summary>The config with more layers on top.</summary>
    public static byte[] WithLayers(JsonObject baseConfig, IEnumerable<BuiltLayer> layers, RunSettings settings)
    {
        var config = (JsonObject)baseConfig.DeepClone();
        config["created"] = Created;
        var ids = (JsonArray)config["rootfs"]!["diff_ids"]!;
        // The history is optional, and useless unless it tells of every layer.
        var history = config["history"] as JsonArray;
        if (history is null || history.Count(entry => !IsEmptyLayer(entry)) != ids.Count)
        {
            config.Remove("history");
            history = null;
        }

        foreach (var layer in layers)
        {
            ids.Add((JsonNode)layer.DiffId.ToString());
            history?.Add((JsonNode)new JsonObject { ["created"] = Created, ["created_by"] = layer.CreatedBy });
        }

        var run = config["config"] as JsonObject;
        if (run is null)
        {
            config["config"] = run = [];
        }

        Apply(run, settings);
        return Encoding.UTF8.GetBytes(config.ToJsonString(Written));
    }

    private static bool IsEmptyLayer(JsonNode? entry) => entry is JsonObject step && step["empty_layer"] is JsonValue value && value.TryGetValue<bool>(out var empty) && empty;

    private static void Apply(JsonObject run, RunSettings settings)
    {
        if (settings.User is { } user)
        {
            run["User"] = user;
        }

        if (settings.Entrypoint is { } entrypoint)
        {
            run["Entrypoint"] = new JsonArray([.. entrypoint.Select(part => (JsonNode)part)]);
            // A base's arguments belong to its own entry point.
            run.Remove("Cmd");
        }

        if (settings.WorkingDirectory is { } folder)
        {
            run["WorkingDir"] = folder;
        }

        if (settings.Environment.Count > 0)
        {
            var variables = (run["Env"] as JsonArray ?? []).Select(line => (string)line!)
                .Where(line => !settings.Environment.ContainsKey(line.Split('=')[0]))
                .Concat(settings.Environment.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"));
            run["Env"] = new JsonArray([.. variables.Select(line => (JsonNode)line)]);
        }

        if (settings.Labels.Count > 0)
        {
            var labels = run["Labels"] as JsonObject;
            if (labels is null)
            {
                run["Labels"] = labels = [];
            }

            foreach (var (key, value) in settings.Labels.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                labels[key] = value;
            }
        }
    }
}
