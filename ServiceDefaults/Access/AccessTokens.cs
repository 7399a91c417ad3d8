using AgentKernel.Rpc;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.ServiceDefaults.Access;

/// <summary>
/// The two secrets that open a kernel: the operator's, for people and programs that run teams, and the services' own,
/// with which they prove themselves to each other. A service accepts no call without one where it asks for one.
/// </summary>
public sealed class AccessTokens(string operatorToken, string serviceToken)
{
    private readonly byte[] _operatorHash = SecretToken.Hash(operatorToken);
    private readonly byte[] _serviceHash = SecretToken.Hash(serviceToken);

    /// <summary>The operator's token, as callers present it.</summary>
    public string Operator { get; } = operatorToken;

    /// <summary>The services' token, as they present it to each other.</summary>
    public string Service { get; } = serviceToken;

    /// <summary>Whether the request carries the operator's token.</summary>
    public bool IsOperator(HttpContext context) => SecretToken.Matches(_operatorHash, Bearer(context));

    /// <summary>Refuses a call that does not carry the operator's token.</summary>
    /// <exception cref="RpcException"><see cref="RpcStatusCode.Unauthenticated"/>.</exception>
    public void RequireOperator(HttpContext context) => Require(
        _operatorHash, context, "this call wants the operator's token: send 'Authorization: Bearer <token>' with the content of the file 'operator-token' in the kernel's data directory, or with AGENTKERNEL_TOKEN");

    /// <summary>Refuses a call that does not come from another service of this kernel.</summary>
    /// <exception cref="RpcException"><see cref="RpcStatusCode.Unauthenticated"/>.</exception>
    public void RequireService(HttpContext context) =>
        Require(_serviceHash, context, "this call is for the kernel's own services and wants their token");

    /// <summary>The token of an <c>Authorization: Bearer</c> header; null where there is none.</summary>
    public static string? Bearer(HttpContext context)
    {
        const string scheme = "Bearer ";
        string? header = context.Request.Headers.Authorization;
        return header is not null && header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) ? header[scheme.Length..].Trim() : null;
    }

    private static void Require(byte[] hash, HttpContext context, string message)
    {
        if (!SecretToken.Matches(hash, Bearer(context)))
        {
            throw new RpcException(RpcStatusCode.Unauthenticated, message);
        }
    }
}
