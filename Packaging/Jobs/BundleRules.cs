using System.Text.RegularExpressions;
using AgentKernel.Contracts.V1;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Blobs;
using AgentKernel.Rpc;

namespace AgentKernel.Packaging.Jobs;

/// <summary>What a request for an image must keep to; each refusal names the field.</summary>
internal static partial class BundleRules
{
    private const int MaxBundles = 100;
    private const int MaxUri = 4096;

    public static readonly IReadOnlyList<string> Types = ["helpers", "skill", "data"];

    /// <exception cref="RpcException">INVALID_ARGUMENT.</exception>
    public static void Check(CreateAgentImageRequest request, PackagingOptions options)
    {
        CheckName("name", request.Name);
        if (request.BaseImage.Length > 0 && !request.Push)
        {
            throw Invalid("base_image: only an image that is pushed has one; set push, or leave it out");
        }

        if (request.Push && options.RegistryUrl is null)
        {
            throw new RpcException(RpcStatusCode.FailedPrecondition, "push: this kernel has no registry to push to; set registry_url");
        }

        if (request.Dependencies)
        {
            throw new RpcException(RpcStatusCode.Unimplemented, "dependencies: this kernel does not install them; put what is required into the bundle, or install it in a setup script");
        }

        if (request.Bundles.Count is 0 or > MaxBundles)
        {
            throw Invalid($"bundles: 1 to {MaxBundles} are wanted, and there are {request.Bundles.Count}");
        }

        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (bundle, index) in request.Bundles.Select((bundle, index) => (bundle, index)))
        {
            var field = $"bundles[{index}]";
            CheckName($"{field}.labels.name", bundle.Labels?.Name ?? "");
            if (!names.Add(bundle.Labels!.Name)) // checked above
            {
                throw Invalid($"{field}.labels.name: another bundle is called '{bundle.Labels.Name}' too, or differs from it only in case");
            }

            if (bundle.Labels.Type.Length > 0 && !Types.Contains(bundle.Labels.Type))
            {
                throw Invalid($"{field}.labels.type is '{Shown(bundle.Labels.Type)}'; it must be {string.Join(", ", Types)}");
            }

            CheckUri($"{field}.uri", bundle.Uri, options);
        }
    }

    /// <summary>What a bundle is of, where its request leaves that open.</summary>
    public static string TypeOf(Bundle bundle) => bundle.Labels.Type is { Length: > 0 } type ? type : "data";

    /// <summary>The digest that the address itself demands; null for <c>file://</c>.</summary>
    public static Digest? Demanded(string uri) =>
        BlobUri.TryParse(uri) ?? (uri.StartsWith("https://", StringComparison.Ordinal) ? Digest.TryParse(uri[(uri.LastIndexOf('#') + 1)..]) : null);

    private static void CheckUri(string field, string uri, PackagingOptions options)
    {
        if (uri.Length > MaxUri)
        {
            throw Invalid($"{field} is longer than {MaxUri} characters");
        }

        if (uri.StartsWith(BlobUri.Scheme, StringComparison.Ordinal))
        {
            if (BlobUri.TryParse(uri) is null)
            {
                throw Invalid($"{field} must be blob://sha256: and 64 lower-case hexadecimal digits");
            }
        }
        else if (uri.StartsWith("https://", StringComparison.Ordinal))
        {
            if (!Uri.TryCreate(uri, UriKind.Absolute, out var address) || address.UserInfo.Length > 0)
            {
                throw Invalid($"{field} is no address without a user's name");
            }

            if (Demanded(uri) is null)
            {
                throw Invalid($"{field} must end in #sha256: and the 64 lower-case hexadecimal digits of what is to be fetched");
            }
        }
        else if (uri.StartsWith("file:///", StringComparison.Ordinal))
        {
            if (options.FileRoots.Count == 0)
            {
                throw Invalid($"{field}: no folder of this machine is open to bundles; upload them, or name one in file_roots");
            }
        }
        else
        {
            throw Invalid($"{field} must begin with blob://, https:// or file:///");
        }
    }

    private static void CheckName(string field, string name)
    {
        if (!BundleName().IsMatch(name))
        {
            throw Invalid($"{field} is '{Shown(name)}'; it must be 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit");
        }
    }

    private static string Shown(string text) => string.Concat(text.Take(80).Select(c => char.IsControl(c) ? '?' : c));

    private static RpcException Invalid(string message) => new(RpcStatusCode.InvalidArgument, message);

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9._-]{0,62}\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex BundleName();
}
