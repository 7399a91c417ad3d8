using AgentKernel.Rpc;

namespace AgentKernel.AgentGateway;

/// <summary>The status codes in JSON and HTTP: names and numbers as in the Connect protocol.</summary>
/// <remarks>
/// One number differs: ResourceExhausted is 413 and not 429, because in the gateway it always means that something is
/// too large.
/// </remarks>
internal static class StatusNames
{
    public static string Of(RpcStatusCode code) => code switch
    {
        RpcStatusCode.Cancelled => "canceled",
        RpcStatusCode.InvalidArgument => "invalid_argument",
        RpcStatusCode.DeadlineExceeded => "deadline_exceeded",
        RpcStatusCode.PermissionDenied => "permission_denied",
        RpcStatusCode.ResourceExhausted => "resource_exhausted",
        RpcStatusCode.FailedPrecondition => "failed_precondition",
        RpcStatusCode.Aborted => "aborted",
        RpcStatusCode.Unimplemented => "unimplemented",
        RpcStatusCode.Internal => "internal",
        RpcStatusCode.Unavailable => "unavailable",
        _ => "unknown",
    };

    public static int HttpStatusOf(RpcStatusCode code) => code switch
    {
        RpcStatusCode.Cancelled => StatusCodes.Status499ClientClosedRequest,
        RpcStatusCode.InvalidArgument or RpcStatusCode.FailedPrecondition => StatusCodes.Status400BadRequest,
        RpcStatusCode.DeadlineExceeded => StatusCodes.Status504GatewayTimeout,
        RpcStatusCode.PermissionDenied => StatusCodes.Status403Forbidden,
        RpcStatusCode.ResourceExhausted => StatusCodes.Status413PayloadTooLarge,
        RpcStatusCode.Aborted => StatusCodes.Status409Conflict,
        RpcStatusCode.Unimplemented => StatusCodes.Status501NotImplemented,
        RpcStatusCode.Unavailable => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status500InternalServerError,
    };
}
