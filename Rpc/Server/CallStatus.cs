using Microsoft.AspNetCore.Http;

namespace AgentKernel.Rpc.Server;

/// <summary>How a call ended: what each protocol writes in its own form.</summary>
internal readonly record struct CallStatus(RpcStatusCode Code, string Message)
{
    public static readonly CallStatus Ok = new(RpcStatusCode.Ok, "");

    /// <summary>
    /// The one place where an exception becomes a status. What is not meant for callers' eyes says only
    /// "internal error".
    /// </summary>
    public static CallStatus Of(Exception exception, CallLifetime? lifetime) => exception switch
    {
        RpcException { Code: not RpcStatusCode.Ok } known => new(known.Code, known.Message),
        OperationCanceledException when lifetime is { DeadlinePassed: true } =>
            new(RpcStatusCode.DeadlineExceeded, "the deadline passed before the call was done"),
        // Kestrel's own refusal of a request's body.
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } tooLarge => new(RpcStatusCode.ResourceExhausted, tooLarge.Message),
        BadHttpRequestException bad => new(RpcStatusCode.InvalidArgument, bad.Message),
        _ => new(RpcStatusCode.Internal, "internal error"),
    };
}
