using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using AgentKernel.Packaging.Archives;
using AgentKernel.Rpc;

namespace AgentKernel.Client;

/// <summary>A blob: content under its digest.</summary>
/// <param name="Uri">Its address, <c>blob://sha256:…</c>, for bundles and setup scripts.</param>
/// <param name="Size">In bytes.</param>
/// <param name="Sent">Whether it had to be sent; false when the kernel had it already.</param>
public sealed record Blob(string Uri, long Size, bool Sent);

/// <summary>How far an upload is.</summary>
/// <param name="Bytes">Sent so far.</param>
/// <param name="TotalBytes">To send in all.</param>
public sealed record UploadProgress(long Bytes, long TotalBytes);

/// <summary>Uploads and downloads blobs. Wants the operator's token.</summary>
/// <remarks>All methods throw <see cref="RpcException"/> with the status and the message that the kernel answered with.</remarks>
public sealed class BlobsClient : IDisposable
{
    private const string Scheme = "blob://";

    private readonly HttpClient _http;

    internal BlobsClient(Uri packaging, string? operatorToken)
    {
        _http = new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            // Proxies tunnel TLS, not HTTP/2 in the clear.
            UseProxy = packaging.Scheme == "https",
        })
        {
            BaseAddress = packaging,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact, // the port of gRPC
            Timeout = Timeout.InfiniteTimeSpan, // an upload takes as long as it takes
        };
        _http.DefaultRequestHeaders.Authorization = operatorToken is null ? null : new("Bearer", operatorToken);
    }

    /// <summary>Uploads a file, unless the kernel has its content already.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public Task<Blob> UploadFileAsync(string path, IProgress<UploadProgress>? progress = null, CancellationToken cancellationToken = default) =>
        UploadAsync(async (output, cancel) =>
        {
            await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            await file.CopyToAsync(output, 256 * 1024, cancel);
        }, progress, cancellationToken);

    /// <summary>
    /// Uploads a folder as a tar whose bytes depend on the files alone: sorted, one owner, one time, permissions kept. The
    /// same files give the same blob, wherever and whenever.
    /// </summary>
    /// <exception cref="IOException">Something in it cannot be read, is no file, folder or link, or changes meanwhile.</exception>
    public Task<Blob> UploadDirectoryAsync(string path, IProgress<UploadProgress>? progress = null, CancellationToken cancellationToken = default) =>
        UploadAsync(async (output, cancel) =>
        {
            try
            {
                await FolderArchive.WriteAsync(path, output, cancel);
            }
            catch (ArchiveException exception)
            {
                throw new IOException($"{path}: {exception.Message}", exception);
            }
        }, progress, cancellationToken);

    /// <summary>The length of a blob in bytes; null when the kernel has it not.</summary>
    /// <param name="uri">Its address.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public async Task<long?> SizeAsync(string uri, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, PathOf(uri)) { Version = _http.DefaultRequestVersion, VersionPolicy = _http.DefaultVersionPolicy };
        using var response = await SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (response.StatusCode is HttpStatusCode.NotFound)
        {
            return null;
        }

        await CheckAsync(response, cancellationToken);
        return response.Content.Headers.ContentLength;
    }

    /// <summary>Writes a blob's content to a stream, and checks that it is that.</summary>
    /// <param name="uri">Its address.</param>
    /// <param name="output">Where to.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="InvalidDataException">What came is not the blob.</exception>
    public async Task DownloadAsync(string uri, Stream output, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, PathOf(uri)) { Version = _http.DefaultRequestVersion, VersionPolicy = _http.DefaultVersionPolicy };
        using var response = await SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        await CheckAsync(response, cancellationToken);
        await using var measured = new MeasuredStream(output, null);
        await using var content = await response.Content.ReadAsStreamAsync(cancellationToken);
        await content.CopyToAsync(measured, 256 * 1024, cancellationToken);
        if (Scheme + measured.Digest() != uri)
        {
            throw new InvalidDataException($"what came is not {uri}");
        }
    }

    /// <summary>Ends the connections.</summary>
    public void Dispose() => _http.Dispose();

    // Read twice: for the digest, which tells whether the kernel has it, and to be sent.
    private async Task<Blob> UploadAsync(Func<Stream, CancellationToken, Task> write, IProgress<UploadProgress>? progress, CancellationToken cancellationToken)
    {
        string digest;
        long size;
        await using (var measured = new MeasuredStream(Stream.Null, null))
        {
            await write(measured, cancellationToken);
            (digest, size) = (measured.Digest(), measured.Length);
        }

        var uri = Scheme + digest;
        if (await SizeAsync(uri, cancellationToken) is not null)
        {
            progress?.Report(new(size, size));
            return new(uri, size, Sent: false);
        }

        using var content = new WrittenContent(async (output, cancel) =>
        {
            await using var counted = new MeasuredStream(output, progress is null ? null : bytes => progress.Report(new(bytes, size)));
            await write(counted, cancel);
        }, size);
        using var request = new HttpRequestMessage(HttpMethod.Put, $"v1/blobs?digest={digest}") { Content = content, Version = _http.DefaultRequestVersion, VersionPolicy = _http.DefaultVersionPolicy };
        using var response = await SendAsync(request, HttpCompletionOption.ResponseContentRead, cancellationToken);
        await CheckAsync(response, cancellationToken);
        return new(uri, size, Sent: true);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, HttpCompletionOption completion, CancellationToken cancellationToken)
    {
        try
        {
            return await _http.SendAsync(request, completion, cancellationToken);
        }
        catch (HttpRequestException exception) when (exception.InnerException is IOException { InnerException: null } changed && exception.HttpRequestError is HttpRequestError.Unknown)
        {
            throw new IOException(changed.Message, exception); // what was to be sent could not be read
        }
        catch (HttpRequestException exception)
        {
            throw new RpcException(RpcStatusCode.Unavailable, $"the packaging service could not be reached: {exception.Message}", exception);
        }
    }

    private static async Task CheckAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.IsSuccessStatusCode)
        {
            return;
        }

        var status = ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture);
        var (code, message) = (CodeOf(response.StatusCode), $"the packaging service answered {status}");
        try
        {
            using var error = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken));
            message = error.RootElement.GetProperty("error").GetString() ?? message;
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            // The status has to do.
        }

        throw new RpcException(code, message);
    }

    private static RpcStatusCode CodeOf(HttpStatusCode status) => status switch
    {
        HttpStatusCode.BadRequest => RpcStatusCode.InvalidArgument,
        HttpStatusCode.Unauthorized => RpcStatusCode.Unauthenticated,
        HttpStatusCode.NotFound => RpcStatusCode.NotFound,
        HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.InsufficientStorage => RpcStatusCode.ResourceExhausted,
        HttpStatusCode.ServiceUnavailable => RpcStatusCode.Unavailable,
        _ => RpcStatusCode.Unknown,
    };

    private static string PathOf(string uri) => uri.StartsWith(Scheme, StringComparison.Ordinal)
        ? $"v1/blobs/{Uri.EscapeDataString(uri[Scheme.Length..])}"
        : throw new RpcException(RpcStatusCode.InvalidArgument, $"'{uri}' is not the address of a blob; it begins with {Scheme}");

    private sealed class WrittenContent : HttpContent
    {
        private readonly Func<Stream, CancellationToken, Task> _write;
        private readonly long _length;

        public WrittenContent(Func<Stream, CancellationToken, Task> write, long length)
        {
            (_write, _length) = (write, length);
            Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => _write(stream, CancellationToken.None);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) => _write(stream, cancellationToken);

        protected override bool TryComputeLength(out long length)
        {
            length = _length;
            return true;
        }
    }
}
