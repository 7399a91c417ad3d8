using Google.Protobuf;

namespace AgentKernel.Rpc;

/// <summary>
/// One method of a service: its name on the wire and how its messages are read. Servers map handlers to it, clients
/// call it; both sides share the one definition.
/// </summary>
/// <param name="Service">The full name of the service, e.g. <c>agentkernel.v1.AgentSpawnerService</c>.</param>
/// <param name="Name">The name of the method, e.g. <c>SpawnAgent</c>.</param>
/// <param name="RequestParser">Reads a request from its bytes.</param>
/// <param name="ResponseParser">Reads a response from its bytes.</param>
public abstract record RpcMethod<TRequest, TResponse>(
    string Service, string Name, MessageParser<TRequest> RequestParser, MessageParser<TResponse> ResponseParser)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    /// <summary>The request path of the method, the same for gRPC and Connect.</summary>
    public string Path { get; } = $"/{Service}/{Name}";
}

/// <summary>A method with one request and one response.</summary>
public sealed record UnaryMethod<TRequest, TResponse>(
    string Service, string Name, MessageParser<TRequest> RequestParser, MessageParser<TResponse> ResponseParser)
    : RpcMethod<TRequest, TResponse>(Service, Name, RequestParser, ResponseParser)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    /// <summary>Whether making the call twice does what making it once does. A channel tries such a call again where the server cannot be reached.</summary>
    public bool Idempotent { get; init; }
}

/// <summary>A method with one request and a stream of responses.</summary>
public sealed record ServerStreamingMethod<TRequest, TResponse>(
    string Service, string Name, MessageParser<TRequest> RequestParser, MessageParser<TResponse> ResponseParser)
    : RpcMethod<TRequest, TResponse>(Service, Name, RequestParser, ResponseParser)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>;
