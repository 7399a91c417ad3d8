namespace AgentKernel.Rpc;

/// <summary>
/// A call that ended with a status other than <see cref="RpcStatusCode.Ok"/>. Handlers throw it to answer with that
/// status; clients get it as it was sent. The message is for the caller's eyes: it names what was wrong and never
/// holds a secret, a path or a stack trace.
/// </summary>
public sealed class RpcException(RpcStatusCode code, string message, Exception? innerException = null)
    : Exception(message, innerException)
{
    /// <summary>The status that the call ended with.</summary>
    public RpcStatusCode Code { get; } = code;
}
