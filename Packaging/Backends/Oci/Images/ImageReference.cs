using System.Text.RegularExpressions;

namespace AgentKernel.Packaging.Backends.Oci.Images;

/// <summary>
/// Where an image is: <c>host[:port]/repository[:tag][@digest]</c>. Without a host it is Docker Hub's, as everywhere; without a
/// tag it is <c>latest</c>. A scheme before it says how to speak to the registry.
/// </summary>
/// <param name="Registry">Scheme, host and port.</param>
/// <param name="Repository">The name in the registry, such as <c>library/debian</c>.</param>
internal sealed partial record ImageReference(Uri Registry, string Repository, string Tag, Digest? Digest)
{
    private const string DockerHub = "docker.io";
    private const string DockerHubHost = "registry-1.docker.io";

    /// <summary>What a request for the manifest names: the digest where there is one.</summary>
    public string TagOrDigest => Digest?.ToString() ?? Tag;

    public override string ToString() => $"{Registry.Authority}/{Repository}" + (Digest is null ? $":{Tag}" : $"@{Digest}");

    /// <summary>Throws <see cref="OciException"/> that names <paramref name="what"/> when the text is no reference.</summary>
    public static ImageReference Parse(string text, string what)
    {
        var scheme = text.StartsWith("http://", StringComparison.Ordinal) ? "http://" : text.StartsWith("https://", StringComparison.Ordinal) ? "https://" : "";
        var name = text[scheme.Length..];
        Digest? digest = null;
        if (name.Split('@') is { Length: > 1 } atSigns)
        {
            digest = atSigns.Length == 2 ? Digest.TryParse(atSigns[1]) : null;
            name = digest is null ? throw Malformed(what, text, "its digest must be sha256: and 64 hexadecimal digits") : atSigns[0];
        }

        var slash = name.IndexOf('/', StringComparison.Ordinal);
        var host = slash < 0 ? "" : name[..slash];
        var hasHost = scheme.Length > 0 || host.AsSpan().ContainsAny('.', ':') || host == "localhost";
        var path = hasHost ? name[(slash + 1)..] : name;
        var tag = "latest";
        if (path.LastIndexOf(':') is var colon and >= 0)
        {
            (path, tag) = (path[..colon], path[(colon + 1)..]);
        }

        if (!hasHost || host == DockerHub)
        {
            path = path.Contains('/', StringComparison.Ordinal) ? path : $"library/{path}";
            host = DockerHubHost;
        }

        return !ValidRepository(path) ? throw Malformed(what, text, $"'{path}' is no repository name (lower-case letters, digits, and . _ - / between them)")
            : !TagForm().IsMatch(tag) ? throw Malformed(what, text, $"'{tag}' is no tag")
            : new(Address(scheme + host, what), path, tag, digest);
    }

    /// <summary>
    /// A registry's address from <c>host[:port]</c> with or without a scheme; plain HTTP is for this machine's own
    /// addresses alone. Throws <see cref="OciException"/> that names <paramref name="what"/>.
    /// </summary>
    public static Uri Address(string text, string what)
    {
        var hasScheme = text.Contains("://", StringComparison.Ordinal);
        if (!Uri.TryCreate(hasScheme ? text : $"https://{text}", UriKind.Absolute, out var address)
            || address.Scheme is not ("http" or "https") || address.UserInfo.Length > 0 || address.Query.Length > 0 || address.Host.Length == 0)
        {
            throw Malformed(what, text, "it must be host[:port] or https://host[:port]");
        }

        if (!hasScheme && address.IsLoopback)
        {
            // What listens on loopback mostly has no certificate; https:// says that it has.
            address = new UriBuilder(address) { Scheme = "http", Port = address.IsDefaultPort ? 80 : address.Port }.Uri;
        }

        return address.Scheme == "https" || address.IsLoopback
            ? new Uri(address.GetLeftPart(UriPartial.Authority))
            : throw Malformed(what, text, "plain HTTP is allowed to loopback addresses only; use https");
    }

    public static bool ValidRepository(string name) => name.Length is > 0 and <= 255 && RepositoryForm().IsMatch(name);

    private static OciException Malformed(string what, string text, string why) => new($"{what} '{text}': {why}");

    // Both forms are those of the OCI distribution specification.
    [GeneratedRegex(@"\A[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex RepositoryForm();

    [GeneratedRegex(@"\A[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex TagForm();
}
