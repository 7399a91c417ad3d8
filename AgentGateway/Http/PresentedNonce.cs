namespace AgentKernel.AgentGateway.Http;

/// <summary>Where a caller's nonce comes from: the field, or <c>Authorization: Bearer</c> where there is no field.</summary>
internal static class PresentedNonce
{
    private const string Scheme = "Bearer ";

    public static string? Of(HttpContext http, string? field)
    {
        if (field is not null)
        {
            return field;
        }

        string? header = http.Request.Headers.Authorization;
        return header is not null && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..].Trim() : null;
    }
}
