using System.IO.Pipelines;
using System.Net;
using AgentKernel.Packaging.Archives;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Blobs;
using AgentKernel.Rpc;

namespace AgentKernel.Packaging.Jobs;

/// <summary>Gets the content of bundles into the blob store, from wherever their addresses lead.</summary>
internal sealed class BundleSources(IBlobStore blobs, PackagingOptions options, IHttpClientFactory http, TimeProvider time)
{
    /// <summary>The name of the client that downloads.</summary>
    public const string Client = "bundles";

    /// <summary>Answers the blob; throws as <see cref="IBlobStore.PutAsync"/> does.</summary>
    /// <exception cref="RpcException">There is no such content, or it cannot be had.</exception>
    public async Task<BlobInfo> FetchAsync(string uri, IProgress<long> progress, CancellationToken cancellationToken)
    {
        var demanded = BundleRules.Demanded(uri);
        if (demanded is not null && await blobs.FindAsync(demanded, cancellationToken) is { } present)
        {
            return present;
        }

        if (BlobUri.TryParse(uri) is { } missing)
        {
            throw BlobErrors.Missing(missing);
        }

        return demanded is not null
            ? await DownloadAsync(uri, demanded, progress, cancellationToken)
            : await ReadAsync(uri, progress, cancellationToken);
    }

    private async Task<BlobInfo> DownloadAsync(string uri, Digest demanded, IProgress<long> progress, CancellationToken cancellationToken)
    {
        using var idle = new CancellationTokenSource(options.DownloadIdleTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, idle.Token);
        var address = new Uri(uri[..uri.LastIndexOf('#')]);
        try
        {
            using var client = http.CreateClient(Client);
            using var response = await client.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, either.Token);
            if (response.StatusCode is not HttpStatusCode.OK)
            {
                throw new RpcException(RpcStatusCode.FailedPrecondition, $"{address.Host} answered {(int)response.StatusCode} instead of the content");
            }

            if (response.Content.Headers.ContentLength > options.MaxBlobBytes)
            {
                throw BlobErrors.TooLarge(options.MaxBlobBytes);
            }

            await using var content = await response.Content.ReadAsStreamAsync(either.Token);
            var stored = await blobs.PutAsync(content, demanded, new Stirring(progress, () => idle.CancelAfter(options.DownloadIdleTimeout)), either.Token);
            return stored.Blob;
        }
        catch (OperationCanceledException) when (idle.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new RpcException(RpcStatusCode.Unavailable, $"{address.Host} sent nothing for {options.DownloadIdleTimeout.TotalSeconds:0.###} s");
        }
        catch (HttpRequestException exception)
        {
            throw new RpcException(RpcStatusCode.Unavailable, $"{address.Host} could not be asked: {exception.HttpRequestError}", exception);
        }
        catch (HttpIOException exception)
        {
            throw new RpcException(RpcStatusCode.Unavailable, $"{address.Host} broke the download off: {exception.HttpRequestError}", exception);
        }
    }

    private async Task<BlobInfo> ReadAsync(string uri, IProgress<long> progress, CancellationToken cancellationToken)
    {
        var path = AllowedPath(uri);
        if (File.Exists(path))
        {
            if (FileStatus.Of(path).Type is not FileStatus.FileType.File)
            {
                throw Refused(uri, "is neither a file nor a folder"); // to open a pipe would be to wait for its writer
            }

            await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return (await blobs.PutAsync(file, null, progress, cancellationToken)).Blob;
        }

        if (!Directory.Exists(path))
        {
            throw new RpcException(RpcStatusCode.NotFound, $"there is nothing at '{uri}'");
        }

        var pipe = new Pipe();
        var writing = WriteAsync();
        await using var archive = pipe.Reader.AsStream();
        try
        {
            return (await blobs.PutAsync(archive, null, progress, cancellationToken)).Blob;
        }
        finally
        {
            await pipe.Reader.CompleteAsync();
            await writing;
        }

        async Task WriteAsync()
        {
            try
            {
                await FolderArchive.WriteAsync(path, pipe.Writer.AsStream(leaveOpen: true), cancellationToken);
                await pipe.Writer.CompleteAsync();
            }
            catch (Exception exception)
            {
                await pipe.Writer.CompleteAsync(exception); // the reader throws it
            }
        }
    }

    // Links are followed before it is judged where the path leads.
    private string AllowedPath(string uri)
    {
        var path = RealPath.Of(Uri.UnescapeDataString(uri["file://".Length..]));
        var allowed = path is not null && options.FileRoots.Any(root => RealPath.Of(root) is { } real && (path == real || path.StartsWith(real + "/", StringComparison.Ordinal)));
        return allowed ? path! : throw Refused(uri, "is not there, or not below a folder that is open to bundles (file_roots)");
    }

    private static RpcException Refused(string uri, string why) => new(RpcStatusCode.InvalidArgument, $"'{uri}' {why}");

    // Each piece that arrives sets the clock back.
    private sealed class Stirring(IProgress<long> inner, Action stir) : IProgress<long>
    {
        public void Report(long value)
        {
            stir();
            inner.Report(value);
        }
    }
}
