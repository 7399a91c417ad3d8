using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>A user's name and password at a registry, or, without a name, an identity token.</summary>
internal sealed record RegistryCredential(string User, string Secret)
{
    /// <summary>The name that Docker's helpers give to identity tokens.</summary>
    public const string TokenUser = "<token>";

    public bool IsIdentityToken => User == TokenUser;

    public override string ToString() => "(credential)";
}

/// <summary>
/// Credentials from Docker's config file: <c>auths</c>, and the programs that <c>credHelpers</c> and <c>credsStore</c> name. Read
/// again for each image, so that a <c>docker login</c> is seen.
/// </summary>
internal sealed class DockerCredentials(string? configFile)
{
    private const string DockerHubKey = "https://index.docker.io/v1/";

    /// <summary>Null when the file has none for the registry. Throws <see cref="RegistryException"/> when it, or a helper, cannot be read.</summary>
    public async Task<RegistryCredential?> FindAsync(Uri registry, CancellationToken cancellationToken)
    {
        var path = configFile ?? DefaultFile();
        if (!File.Exists(path))
        {
            return configFile is null ? null : throw Unusable(path, "it does not exist");
        }

        string[] names = registry.Host.EndsWith("docker.io", StringComparison.Ordinal)
            ? [DockerHubKey, "docker.io", "index.docker.io", registry.Authority]
            : [registry.Authority, $"{registry.Scheme}://{registry.Authority}", $"{registry.Scheme}://{registry.Authority}/"];
        try
        {
            var config = JsonNode.Parse(await File.ReadAllTextAsync(path, cancellationToken)) as JsonObject ?? throw Unusable(path, "it is no JSON object");
            foreach (var name in names)
            {
                if (((string?)config["credHelpers"]?[name] ?? (string?)config["credsStore"]) is { } helper
                    && await CredentialHelper.AskAsync(helper, name, cancellationToken) is { } kept)
                {
                    return kept;
                }

                if (config["auths"]?[name] is JsonObject entry && Read(entry) is { } credential)
                {
                    return credential;
                }
            }

            return null;
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or FormatException or IOException or UnauthorizedAccessException)
        {
            throw Unusable(path, failure is JsonException ? "it is no JSON" : failure is FormatException ? "an 'auth' in it is not Base64 of user:password" : failure.Message);
        }
    }

    private static string DefaultFile() =>
        Environment.GetEnvironmentVariable("REGISTRY_AUTH_FILE") is { Length: > 0 } file ? file
        : Path.Combine(
            Environment.GetEnvironmentVariable("DOCKER_CONFIG") is { Length: > 0 } folder ? folder
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".docker"),
            "config.json");

    private static RegistryCredential? Read(JsonObject entry)
    {
        if ((string?)entry["identitytoken"] is { Length: > 0 } token)
        {
            return new(RegistryCredential.TokenUser, token);
        }

        if ((string?)entry["auth"] is { Length: > 0 } encoded)
        {
            var pair = Encoding.UTF8.GetString(Convert.FromBase64String(encoded)).Split(':', 2);
            return pair.Length == 2 ? new(pair[0], pair[1].TrimEnd('\0')) : throw new FormatException();
        }

        return (string?)entry["username"] is { Length: > 0 } user && (string?)entry["password"] is { } password ? new(user, password) : null;
    }

    private static RegistryException Unusable(string path, string why) =>
        new(RegistryFailure.Unauthorized, $"the credentials file {path} cannot be used: {why}");
}
