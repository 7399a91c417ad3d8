using AgentKernel.ServiceDefaults.Access;

namespace AgentKernel.AgentGateway.Http;

/// <summary>Where a caller's nonce comes from: the field, or <c>Authorization: Bearer</c> where there is no field.</summary>
internal static class PresentedNonce
{
    public static string? Of(HttpContext http, string? field) => field ?? AccessTokens.Bearer(http);
}
