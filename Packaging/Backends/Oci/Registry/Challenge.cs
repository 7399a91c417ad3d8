using System.Net.Http.Headers;
using System.Text.RegularExpressions;

namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>How a registry wants its callers to prove themselves (<c>WWW-Authenticate</c>).</summary>
internal sealed partial record Challenge(string Scheme, IReadOnlyDictionary<string, string> Parameters)
{
    public bool IsBasic => Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase);

    /// <summary>The way that this client knows, Bearer before Basic; null when there is none.</summary>
    public static Challenge? Choose(HttpHeaderValueCollection<AuthenticationHeaderValue> offers)
    {
        var known = offers.Select(offer => new Challenge(offer.Scheme, Read(offer.Parameter))).ToList();
        return known.Find(challenge => challenge.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase) && challenge.Parameters.ContainsKey("realm"))
            ?? known.Find(challenge => challenge.IsBasic);
    }

    private static Dictionary<string, string> Read(string? parameters) => Parameter().Matches(parameters ?? "")
        .GroupBy(match => match.Groups["key"].Value, StringComparer.OrdinalIgnoreCase)
        .ToDictionary(group => group.Key, group => group.First().Groups["value"].Value, StringComparer.OrdinalIgnoreCase);

    [GeneratedRegex("""(?<key>[a-zA-Z]+)="(?<value>[^"]*)"|(?<key>[a-zA-Z]+)=(?<value>[^",\s]+)""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Parameter();
}
