using System.Text.Json;
using AgentKernel.AgentRuntime.Configuration;

namespace AgentKernel.AgentRuntime.Bundles;

/// <summary>An agent image as a read-only folder: <c>manifest.json</c> and <c>bundles/{name}</c>.</summary>
internal static class ImageFolder
{
    private static readonly string[] s_requirements = ["requirements.txt", "package.json"];

    /// <exception cref="ConfigException">There is none, or it is damaged: an agent without what it was to have is worse than none.</exception>
    public static IReadOnlyList<Bundle> Read(string image)
    {
        try
        {
            using var manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Join(image, "manifest.json")));
            var installed = manifest.RootElement.GetProperty("dependencies_installed").GetBoolean();
            var bundles = new List<Bundle>();
            foreach (var entry in manifest.RootElement.GetProperty("bundles").EnumerateArray())
            {
                var (name, type) = (entry.GetProperty("name").GetString() ?? "", entry.GetProperty("type").GetString() ?? "");
                if (!Bundle.IsName(name) || !Bundle.IsType(type))
                    throw new ConfigException("config key 'image_path': the image's manifest names a bundle that cannot be one");
                var bundle = new Bundle(name, type, Path.Join(image, "bundles", name));
                bundles.Add(bundle);
                if (!installed && Array.Find(s_requirements, file => File.Exists(Path.Join(bundle.Path, file))) is { } wanted)
                    Diagnostics.Write($"bundle {name} has a {wanted}; what it requires was not installed when the image was made");
            }
            return bundles;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new ConfigException($"config key 'image_path' leads to no agent image: {e.Message}");
        }
    }
}
