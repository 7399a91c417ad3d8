using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgentKernel.Packaging.Backends.Oci.Images;

namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>
/// Answers a registry's challenges: Basic with the user's credentials, or Bearer with a token fetched from where the registry
/// says (the distribution project's token authentication). Tokens are kept by scope until a challenge says that they are no good.
/// </summary>
internal sealed class RegistryAuthorization(Uri registry, HttpClient http, DockerCredentials credentials)
{
    private const int MaxAnswerBytes = 256 * 1024;

    private readonly ConcurrentDictionary<string, AuthenticationHeaderValue> _kept = new();

    /// <summary>What to send at once; null when the registry has not asked yet.</summary>
    public AuthenticationHeaderValue? For(string scope) => _kept.GetValueOrDefault(scope) ?? _kept.GetValueOrDefault("");

    /// <summary>What answers the challenge; null when there is nothing (more) to offer.</summary>
    public async Task<AuthenticationHeaderValue?> AnswerAsync(HttpResponseMessage unauthorized, string scope, CancellationToken cancellationToken)
    {
        if (Challenge.Choose(unauthorized.Headers.WwwAuthenticate) is not { } challenge)
        {
            return null;
        }

        var credential = await credentials.FindAsync(registry, cancellationToken);
        if (!challenge.IsBasic)
        {
            return _kept[scope] = await FetchTokenAsync(challenge, scope, credential, cancellationToken);
        }

        return credential is null or { IsIdentityToken: true } ? null : _kept[""] = Basic(credential);
    }

    private static AuthenticationHeaderValue Basic(RegistryCredential credential) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.User}:{credential.Secret}")));

    private async Task<AuthenticationHeaderValue> FetchTokenAsync(Challenge challenge, string scope, RegistryCredential? credential, CancellationToken cancellationToken)
    {
        if (!Uri.TryCreate(challenge.Parameters["realm"], UriKind.Absolute, out var realm)
            || realm.Scheme is not ("http" or "https") || (realm.Scheme == "http" && !realm.IsLoopback))
        {
            throw new RegistryException(RegistryFailure.Protocol,
                $"registry {registry.Authority} wants a token from an address that is not https; credentials are not sent there");
        }

        var fields = new List<KeyValuePair<string, string>>();
        if (challenge.Parameters.TryGetValue("service", out var service))
        {
            fields.Add(new("service", service));
        }

        foreach (var one in (scope.Length > 0 ? scope : challenge.Parameters.GetValueOrDefault("scope") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            fields.Add(new("scope", one));
        }

        using var request = credential is { IsIdentityToken: true } ? Refresh(realm, fields, credential) : Get(realm, fields, credential);
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            throw new RegistryException(
                response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.BadRequest ? RegistryFailure.Unauthorized : RegistryFailure.Broken,
                $"registry {registry.Authority}: the token server {realm.Authority} answered {(int)response.StatusCode} "
                + (credential is null ? "without credentials; log in with 'docker login' or 'skopeo login'" : "to the credentials of Docker's config file"));
        }

        return new("Bearer", await ReadTokenAsync(response, realm, cancellationToken));
    }

    private static HttpRequestMessage Get(Uri realm, List<KeyValuePair<string, string>> fields, RegistryCredential? credential)
    {
        var query = string.Join('&', fields.Select(field => $"{field.Key}={Uri.EscapeDataString(field.Value)}"));
        var address = new UriBuilder(realm);
        address.Query = address.Query.Length > 1 ? $"{address.Query[1..]}&{query}" : query;
        return new(HttpMethod.Get, address.Uri) { Headers = { Authorization = credential is null ? null : Basic(credential) } };
    }

    private static HttpRequestMessage Refresh(Uri realm, List<KeyValuePair<string, string>> fields, RegistryCredential credential) => new(HttpMethod.Post, realm)
    {
        Content = new FormUrlEncodedContent(
        [
            new("grant_type", "refresh_token"), new("client_id", "agentkernel"), new("refresh_token", credential.Secret),
            .. fields.Where(field => field.Key != "scope"),
            new("scope", string.Join(' ', fields.Where(field => field.Key == "scope").Select(field => field.Value))),
        ]),
    };

    private async Task<string> ReadTokenAsync(HttpResponseMessage response, Uri realm, CancellationToken cancellationToken)
    {
        try
        {
            var answer = JsonNode.Parse(await BoundedBody.ReadAsync(response, MaxAnswerBytes, cancellationToken));
            if ((string?)(answer?["token"] ?? answer?["access_token"]) is { Length: > 0 } token)
            {
                return token;
            }
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException or OciException)
        {
            // Not repeated: it may hold a token.
        }

        throw new RegistryException(RegistryFailure.Protocol, $"registry {registry.Authority}: the token server {realm.Authority} gave no token");
    }
}
