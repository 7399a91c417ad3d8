using Google.Protobuf;

namespace AgentKernel.Rpc.Server;

/// <summary>
/// One call in the protocol that its caller speaks. Reading throws <see cref="RpcException"/> for what the caller
/// did wrong; nothing else in here knows statuses but <see cref="CompleteAsync"/>, which ends the response.
/// </summary>
internal abstract class ServerCall
{
    /// <summary>How long the caller is willing to wait; null when it does not say.</summary>
    public abstract TimeSpan? ReadTimeout();

    /// <summary>Reads the one request message, and that nothing follows it.</summary>
    public abstract Task<TRequest> ReadRequestAsync<TRequest>(MessageCodec<TRequest> codec, int maxBytes, CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>;

    /// <summary>Sends a message; in a stream it is on its way to the caller when this returns.</summary>
    public abstract Task WriteAsync<TResponse>(TResponse message, MessageCodec<TResponse> codec, CancellationToken cancellationToken)
        where TResponse : class, IMessage<TResponse>;

    /// <summary>Ends the response with this status. Called once, also when nothing was written.</summary>
    public abstract Task CompleteAsync(CallStatus status, RpcMetadata trailers);
}
