using Microsoft.AspNetCore.Http;

namespace AgentKernel.Rpc.Connect;

/// <summary>The status codes in JSON and HTTP.</summary>
/// <remarks>Source: the Connect protocol, "Error Codes".</remarks>
public static class ConnectStatus
{
    /// <summary>The code in JSON, e.g. <c>not_found</c>.</summary>
    public static string NameOf(RpcStatusCode code) => code switch
    {
        RpcStatusCode.Cancelled => "canceled",
        RpcStatusCode.InvalidArgument => "invalid_argument",
        RpcStatusCode.DeadlineExceeded => "deadline_exceeded",
        RpcStatusCode.NotFound => "not_found",
        RpcStatusCode.AlreadyExists => "already_exists",
        RpcStatusCode.PermissionDenied => "permission_denied",
        RpcStatusCode.ResourceExhausted => "resource_exhausted",
        RpcStatusCode.FailedPrecondition => "failed_precondition",
        RpcStatusCode.Aborted => "aborted",
        RpcStatusCode.OutOfRange => "out_of_range",
        RpcStatusCode.Unimplemented => "unimplemented",
        RpcStatusCode.Internal => "internal",
        RpcStatusCode.Unavailable => "unavailable",
        RpcStatusCode.DataLoss => "data_loss",
        RpcStatusCode.Unauthenticated => "unauthenticated",
        _ => "unknown",
    };

    /// <summary>The HTTP status of an answer that is this error.</summary>
    public static int HttpStatusOf(RpcStatusCode code) => code switch
    {
        RpcStatusCode.Cancelled => StatusCodes.Status499ClientClosedRequest,
        RpcStatusCode.InvalidArgument or RpcStatusCode.FailedPrecondition or RpcStatusCode.OutOfRange => StatusCodes.Status400BadRequest,
        RpcStatusCode.DeadlineExceeded => StatusCodes.Status504GatewayTimeout,
        RpcStatusCode.NotFound => StatusCodes.Status404NotFound,
        RpcStatusCode.AlreadyExists or RpcStatusCode.Aborted => StatusCodes.Status409Conflict,
        RpcStatusCode.PermissionDenied => StatusCodes.Status403Forbidden,
        RpcStatusCode.ResourceExhausted => StatusCodes.Status429TooManyRequests,
        RpcStatusCode.Unimplemented => StatusCodes.Status501NotImplemented,
        RpcStatusCode.Unavailable => StatusCodes.Status503ServiceUnavailable,
        RpcStatusCode.Unauthenticated => StatusCodes.Status401Unauthorized,
        _ => StatusCodes.Status500InternalServerError,
    };
}
