using System.Net;
using System.Net.Http.Headers;
using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;

namespace AgentKernel.Spawner.Images;

/// <summary>What the spawner asks of the packaging service, over connections that are opened at first use.</summary>
internal sealed class PackagingLink(Func<Uri?> address, string serviceToken) : IDisposable
{
    /// <summary>Setup scripts travel in the agent's configuration.</summary>
    public const int MaxScriptBytes = 1024 * 1024;

    private const string Scheme = "blob://";
    private static readonly RpcCallOptions Brief = new() { Timeout = TimeSpan.FromSeconds(10) };

    private readonly SocketsHttpHandler _transport = new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        EnableMultipleHttp2Connections = true,
        ConnectTimeout = TimeSpan.FromSeconds(5),
    };

    private readonly Lock _opening = new();
    private RpcChannel? _channel;
    private HttpClient? _http;

    /// <summary>Where an image is. The agent that it is for must be listed before, or it could be removed meanwhile.</summary>
    /// <exception cref="RpcException">NOT_FOUND; FAILED_PRECONDITION where there is no packaging service; UNAVAILABLE.</exception>
    public async Task<ResolveImageResponse> ResolveAsync(string image, CancellationToken cancellationToken)
    {
        Open("image_id");
        try
        {
            return await _channel!.CallAsync(PackagingMethods.ResolveImage, new() { Image = image }, Brief, cancellationToken); // opened above
        }
        catch (RpcException exception) when (exception.Code is RpcStatusCode.NotFound)
        {
            throw new RpcException(RpcStatusCode.NotFound, $"image_id: there is no image '{image}'", exception);
        }
        catch (RpcException exception)
        {
            throw new RpcException(RpcStatusCode.Unavailable, "image_id: the packaging service could not be asked for the image", exception);
        }
    }

    /// <summary>Reads a setup script.</summary>
    /// <param name="uri">The address of a blob.</param>
    /// <exception cref="RpcException">NOT_FOUND; INVALID_ARGUMENT when it is too large; FAILED_PRECONDITION; UNAVAILABLE.</exception>
    public async Task<byte[]> ReadScriptAsync(string uri, CancellationToken cancellationToken)
    {
        Open("setup_script_uri");
        try
        {
            using var response = await _http!.GetAsync(new Uri($"v1/blobs/{uri[Scheme.Length..]}", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, cancellationToken); // opened above
            if (response.StatusCode is HttpStatusCode.NotFound)
            {
                throw new RpcException(RpcStatusCode.NotFound, $"setup_script_uri: there is no blob {uri}");
            }

            response.EnsureSuccessStatusCode();
            if (response.Content.Headers.ContentLength is not (>= 0 and <= MaxScriptBytes))
            {
                throw new RpcException(RpcStatusCode.InvalidArgument, $"setup_script_uri: the script is larger than {MaxScriptBytes} bytes; let it fetch what is large, or bring that in an image");
            }

            return await response.Content.ReadAsByteArrayAsync(cancellationToken);
        }
        catch (HttpRequestException exception)
        {
            throw new RpcException(RpcStatusCode.Unavailable, "setup_script_uri: the packaging service could not be asked for the script", exception);
        }
    }

    public void Dispose()
    {
        _channel?.Dispose();
        _http?.Dispose();
        _transport.Dispose();
    }

    private void Open(string field)
    {
        lock (_opening)
        {
            if (_channel is not null)
            {
                return;
            }

            var service = address() ?? throw new RpcException(
                RpcStatusCode.FailedPrecondition, $"{field}: this kernel has no packaging service, so it will not start an agent that needs one");
            _channel = new(service, new() { BearerToken = serviceToken, Handler = _transport });
            _http = new(_transport, disposeHandler: false)
            {
                BaseAddress = service,
                DefaultRequestVersion = HttpVersion.Version20,
                DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Timeout = TimeSpan.FromSeconds(60),
            };
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", serviceToken);
        }
    }
}
