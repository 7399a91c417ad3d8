using AgentKernel.Rpc.Server;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.Rpc;

/// <summary>One call, as its handler sees it.</summary>
public sealed class RpcContext
{
    private readonly CallLifetime _lifetime;
    private RpcMetadata? _requestMetadata;

    internal RpcContext(HttpContext http, string method, CallLifetime lifetime, RpcMetadata responseTrailers)
    {
        HttpContext = http;
        Method = method;
        ResponseTrailers = responseTrailers;
        _lifetime = lifetime;
    }

    /// <summary>The request that carries the call.</summary>
    public HttpContext HttpContext { get; }

    /// <summary>The path of the method, e.g. <c>/agentkernel.v1.AgentSpawnerService/SpawnAgent</c>.</summary>
    public string Method { get; }

    /// <summary>
    /// Fires when the caller has gone or its deadline has passed. After either, nothing the handler returns is sent;
    /// the request stays alive until the handler has returned.
    /// </summary>
    public CancellationToken CancellationToken => _lifetime.Token;

    /// <summary>When the caller stops waiting; null when it named no deadline. At most 49 days ahead.</summary>
    public DateTimeOffset? Deadline => _lifetime.Deadline;

    /// <summary>The request's headers but for those of the protocol itself.</summary>
    public RpcMetadata RequestMetadata
    {
        get
        {
            if (_requestMetadata is null)
            {
                _requestMetadata = [];
                foreach (var (key, values) in HttpContext.Request.Headers)
                {
                    foreach (var value in values)
                        _requestMetadata.AddFromWire(key, value);
                }
            }
            return _requestMetadata;
        }
    }

    /// <summary>
    /// Metadata to send after the last message, with success and failure alike. Server-sent events have no place for
    /// it and leave it out once the first event is sent.
    /// </summary>
    public RpcMetadata ResponseTrailers { get; }
}
