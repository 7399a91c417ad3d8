using System.Runtime.CompilerServices;
using AgentKernel.Rpc.Server;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace AgentKernel.Rpc;

/// <summary>
/// Answers a unary call. An <see cref="RpcException"/> becomes the call's status; any other exception is logged and
/// becomes <see cref="RpcStatusCode.Internal"/>, with no word of what it was.
/// </summary>
public delegate Task<TResponse> UnaryHandler<TRequest, TResponse>(TRequest request, RpcContext context)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>;

/// <summary>
/// Answers a server-streaming call; each message is sent before the next is asked for. Errors as with
/// <see cref="UnaryHandler{TRequest,TResponse}"/>, after the messages that went before them.
/// </summary>
public delegate IAsyncEnumerable<TResponse> ServerStreamingHandler<TRequest, TResponse>(TRequest request, RpcContext context)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>;

/// <summary>
/// Serves methods on <c>POST /{service}/{method}</c>: gRPC over HTTP/2, Connect unary calls in protobuf and JSON
/// over any HTTP version, and streams as server-sent events. The request's content type chooses.
/// </summary>
public static class RpcEndpoints
{
    /// <summary>Registers what <c>MapRpc</c> needs, and sets the limits.</summary>
    public static IServiceCollection AddRpc(this IServiceCollection services, Action<RpcServerOptions>? configure = null)
    {
        services.AddOptions<RpcServerOptions>()
            .Configure(configure ?? (_ => { }))
            .Validate(o => o.MaxReceiveMessageBytes > 0, $"{nameof(RpcServerOptions.MaxReceiveMessageBytes)} must be at least 1 byte.")
            .ValidateOnStart();
        return services;
    }

    /// <summary>Maps a unary method.</summary>
    /// <param name="endpoints">Where to.</param>
    /// <param name="method">The method, the same object that clients call.</param>
    /// <param name="handler">Answers the calls; runs concurrently.</param>
    /// <param name="maxReceiveMessageBytes">The limit of this method's requests in place of the server's.</param>
    public static IEndpointConventionBuilder MapRpc<TRequest, TResponse>(
        this IEndpointRouteBuilder endpoints,
        UnaryMethod<TRequest, TResponse> method,
        UnaryHandler<TRequest, TResponse> handler,
        int? maxReceiveMessageBytes = null)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        Map(endpoints, method, (request, context) => AsStream(handler, request, context), maxReceiveMessageBytes);

    /// <summary>Maps a server-streaming method.</summary>
    /// <inheritdoc cref="MapRpc{TRequest,TResponse}(IEndpointRouteBuilder,UnaryMethod{TRequest,TResponse},UnaryHandler{TRequest,TResponse},int?)"/>
    public static IEndpointConventionBuilder MapRpc<TRequest, TResponse>(
        this IEndpointRouteBuilder endpoints,
        ServerStreamingMethod<TRequest, TResponse> method,
        ServerStreamingHandler<TRequest, TResponse> handler,
        int? maxReceiveMessageBytes = null)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        Map(endpoints, method, handler, maxReceiveMessageBytes);

    /// <summary>Answers every method of the service that is not mapped with Unimplemented, in the caller's protocol.</summary>
    public static IEndpointConventionBuilder MapUnknownRpc(this IEndpointRouteBuilder endpoints, string service) =>
        endpoints.MapPost($"/{service}/{{**method}}", async http =>
        {
            if (await WireProtocol.OpenAsync(http, streams: false) is { } call)
                await call.CompleteAsync(new CallStatus(RpcStatusCode.Unimplemented, $"there is no method {http.Request.Path} here"), []);
        });

    private static IEndpointConventionBuilder Map<TRequest, TResponse>(
        IEndpointRouteBuilder endpoints,
        RpcMethod<TRequest, TResponse> method,
        ServerStreamingHandler<TRequest, TResponse> handler,
        int? maxReceiveMessageBytes)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        var services = endpoints.ServiceProvider;
        var endpoint = new MethodEndpoint<TRequest, TResponse>(
            method, handler,
            maxReceiveMessageBytes ?? services.GetRequiredService<IOptions<RpcServerOptions>>().Value.MaxReceiveMessageBytes,
            services.GetService<TimeProvider>() ?? TimeProvider.System,
            services.GetRequiredService<ILoggerFactory>().CreateLogger($"AgentKernel.Rpc.{method.Service}"),
            services.GetService<IHostApplicationLifetime>()?.ApplicationStopping ?? CancellationToken.None);
        return endpoints.MapPost(method.Path, endpoint.InvokeAsync).WithDisplayName(method.Path);
    }

    private static async IAsyncEnumerable<TResponse> AsStream<TRequest, TResponse>(
        UnaryHandler<TRequest, TResponse> handler, TRequest request, RpcContext context,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        yield return await handler(request, context);
    }
}
