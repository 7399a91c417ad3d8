using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace AgentKernel.Egress.Models;

/// <summary>Carries requests from routes to their endpoints and the answers back, piece by piece.</summary>
internal sealed partial class ModelForwarder : IHttpApplication<HttpContext>, IDisposable
{
    private readonly HttpMessageInvoker _endpoints;
    private readonly EgressLimits _limits;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;

    /// <param name="handler">Becomes this object's own.</param>
    public ModelForwarder(SocketsHttpHandler handler, EgressLimits limits, ILogger logger, TimeProvider time)
    {
        // An answer is the agent's to read, as it is: a redirect followed here would carry the key elsewhere.
        handler.AllowAutoRedirect = false;
        handler.UseCookies = false;
        handler.AutomaticDecompression = DecompressionMethods.None;
        handler.ActivityHeadersPropagator = null; // the agent's own trace goes through
        handler.ConnectTimeout = limits.ConnectTimeout;
        handler.PooledConnectionLifetime = TimeSpan.FromMinutes(5); // so that a changed name is seen
        handler.EnableMultipleHttp2Connections = true;
        (_endpoints, _limits, _logger, _time) = (new(handler), limits, logger, time);
    }

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }

    public void Dispose() => _endpoints.Dispose();

    public async Task ProcessRequestAsync(HttpContext context)
    {
        var route = context.Features.GetRequiredFeature<ModelRoute>();
        var rawTarget = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var (url, problem) = ModelTarget.Find(route.Endpoint, context.Request.Method, context.Request.Host, rawTarget);
        if (url is null)
        {
            LogRefused(route.Label, route.Endpoint, problem!); // there is one of both
            await AnswerAsync(context, StatusCodes.Status403Forbidden, problem!);
            return;
        }

        using var quiet = new CancellationTokenSource(_limits.IdleTimeout, _time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(quiet.Token, context.RequestAborted);
        var response = await SendAsync(context, route, url, () => quiet.CancelAfter(_limits.IdleTimeout), ending.Token);
        if (response is null)
        {
            return;
        }

        using (response)
        {
            LogAnswered(route.Label, context.Request.Method, url.AbsolutePath, (int)response.StatusCode);
            await ReturnAsync(response, context, route, () => quiet.CancelAfter(_limits.IdleTimeout), ending.Token);
        }
    }

    private async Task<HttpResponseMessage?> SendAsync(HttpContext context, ModelRoute route, Uri url, Action moved, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(new(context.Request.Method), url)
        {
            Version = url.Scheme == Uri.UriSchemeHttps ? HttpVersion.Version20 : HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true)
        {
            request.Content = new RelayedContent(context.Request.Body, context.Request.ContentLength, moved);
        }

        ModelHeaders.CopyRequest(context.Request, request, route.Endpoint);
        try
        {
            return await _endpoints.SendAsync(request, cancellationToken);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException && !context.RequestAborted.IsCancellationRequested)
        {
            var (status, problem) = Explain(e);
            LogFailed(route.Label, route.Endpoint, problem);
            await AnswerAsync(context, status, problem);
            return null;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            return null; // the agent has hung up
        }
    }

    private async Task ReturnAsync(HttpResponseMessage response, HttpContext context, ModelRoute route, Action moved, CancellationToken cancellationToken)
    {
        context.Response.StatusCode = (int)response.StatusCode;
        ModelHeaders.CopyResponse(response, context.Response);
        try
        {
            await context.Response.StartAsync(cancellationToken);
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            await PieceByPiece.CopyAsync(body, context.Response.Body, moved, cancellationToken);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            if (!context.RequestAborted.IsCancellationRequested)
            {
                LogFailed(route.Label, route.Endpoint, "the answer broke off");
            }

            context.Abort(); // a clean end would pass for a whole answer
        }
    }

    private static (int Status, string Problem) Explain(Exception exception) => exception switch
    {
        BadHttpRequestException bad => (bad.StatusCode, "the request is malformed or too large"),
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => (StatusCodes.Status502BadGateway, "the model's endpoint does not resolve"),
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => (StatusCodes.Status502BadGateway, "the model's endpoint has no valid TLS certificate, or speaks no TLS"),
        HttpRequestException { HttpRequestError: HttpRequestError.ProxyTunnelError } => (StatusCodes.Status502BadGateway, "the proxy on the way to the model's endpoint refuses"),
        HttpRequestException { InnerException: BadHttpRequestException bad } => (bad.StatusCode, "the request is malformed or too large"),
        OperationCanceledException => (StatusCodes.Status504GatewayTimeout, "the model's endpoint does not answer in time"),
        _ => (StatusCodes.Status502BadGateway, "the model's endpoint cannot be reached"),
    };

    // In the form that both vendors' SDKs find a message in.
    private static async Task AnswerAsync(HttpContext context, int status, string problem)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync($$$"""{"type":"error","error":{"type":"model_route","message":"{{{JsonEncodedText.Encode(problem)}}}"}}""");
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The model of agent {AgentId} answers {Method} {Path} with {Status}")]
    private partial void LogAnswered(string agentId, string method, string path, int status);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A request of agent {AgentId} to its model at {Endpoint} is refused: {Reason}")]
    private partial void LogRefused(string agentId, ModelEndpoint endpoint, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A request of agent {AgentId} to its model at {Endpoint} failed: {Reason}")]
    private partial void LogFailed(string agentId, ModelEndpoint endpoint, string reason);
}
