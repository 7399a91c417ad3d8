using System.Text.Json;
using System.Text.Json.Serialization;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults.Access;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace AgentKernel.Packaging.Blobs;

/// <summary>Blobs over HTTP: <c>PUT /v1/blobs</c>, <c>HEAD</c> and <c>GET /v1/blobs/{digest}</c>, the last with ranges.</summary>
internal sealed partial class BlobHttpApi(IBlobStore blobs, PackagingOptions options, AccessTokens tokens, ILogger<BlobHttpApi> logger)
{
    private const int CopyBytes = 256 * 1024;

    /// <summary>Takes the body as a blob. <c>?digest=sha256:…</c> says what it has to be.</summary>
    public Task PutAsync(HttpContext http) => GuardAsync(http, async () =>
    {
        tokens.RequireOperator(http);
        Digest? expected = null;
        if (http.Request.Query["digest"] is [{ Length: > 0 } text])
        {
            expected = Digest.TryParse(text) ?? throw new RpcException(RpcStatusCode.InvalidArgument, "digest must be sha256: and 64 lower-case hexadecimal digits");
        }

        if (http.Request.ContentLength > options.MaxBlobBytes)
        {
            throw BlobErrors.TooLarge(options.MaxBlobBytes);
        }

        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null; // the store has its own limit
        }

        if (expected is not null && await blobs.FindAsync(expected, http.RequestAborted) is { } present)
        {
            await AnswerAsync(http, new(present, Created: false)); // nothing that would be kept needs to be sent
            return;
        }

        var stored = await blobs.PutAsync(http.Request.Body, expected, null, http.RequestAborted);
        LogStored(stored.Blob.Digest, stored.Blob.Size, stored.Created);
        await AnswerAsync(http, stored);
    });

    /// <summary>Answers with a blob, or the part of it that a <c>Range</c> asks for; for <c>HEAD</c> with its length alone.</summary>
    public Task GetAsync(HttpContext http) => GuardAsync(http, async () =>
    {
        if (!tokens.IsOperator(http))
        {
            tokens.RequireService(http);
        }

        var text = (string?)http.Request.RouteValues["digest"];
        var digest = Digest.TryParse(text) ?? throw new RpcException(RpcStatusCode.InvalidArgument, "digest must be sha256: and 64 lower-case hexadecimal digits");
        var blob = await blobs.FindAsync(digest, http.RequestAborted) ?? throw BlobErrors.Missing(digest);
        var headers = http.Response.GetTypedHeaders();
        headers.ETag = new($"\"{digest}\"");
        http.Response.ContentType = "application/octet-stream";
        http.Response.Headers.AcceptRanges = "bytes";
        var (offset, length) = (0L, blob.Size);
        if (http.Request.GetTypedHeaders().Range is { Unit.Value: "bytes", Ranges: { Count: 1 } ranges } && Meant(http, digest))
        {
            var range = ranges.First();
            (offset, var end) = range switch
            {
                { From: { } from } => (from, Math.Min(range.To ?? long.MaxValue, blob.Size - 1)),
                _ => (Math.Max(0, blob.Size - range.To!.Value), blob.Size - 1),
            };
            length = end - offset + 1;
            if (offset >= blob.Size || length <= 0)
            {
                headers.ContentRange = new(blob.Size);
                http.Response.StatusCode = StatusCodes.Status416RangeNotSatisfiable;
                return;
            }

            headers.ContentRange = new(offset, end, blob.Size);
            http.Response.StatusCode = StatusCodes.Status206PartialContent;
        }

        http.Response.ContentLength = length;
        if (HttpMethods.IsHead(http.Request.Method) || length == 0)
        {
            return;
        }

        await using var content = await blobs.OpenAsync(digest, offset, length, http.RequestAborted) ?? throw BlobErrors.Missing(digest);
        await content.CopyToAsync(http.Response.Body, CopyBytes, http.RequestAborted);
    });

    // A part of what the caller has the beginning of, and not of something else.
    private static bool Meant(HttpContext http, Digest digest) =>
        http.Request.Headers.IfRange is not { Count: > 0 } condition || condition == $"\"{digest}\"";

    private static Task AnswerAsync(HttpContext http, StoredBlob stored)
    {
        http.Response.StatusCode = stored.Created ? StatusCodes.Status201Created : StatusCodes.Status200OK;
        http.Response.ContentType = "application/json";
        return JsonSerializer.SerializeAsync(
            http.Response.Body, new BlobAnswer(stored.Blob.Uri, stored.Blob.Digest.ToString(), stored.Blob.Size, stored.Created), BlobJson.Default.BlobAnswer, http.RequestAborted);
    }

    private async Task GuardAsync(HttpContext http, Func<Task> handler)
    {
        try
        {
            await handler();
        }
        catch (Exception exception) when (http.RequestAborted.IsCancellationRequested)
        {
            LogBrokenOff(exception); // nobody is there to be told, and what had come is gone
        }
        catch (Exception exception)
        {
            var (code, message, status) = BlobErrors.Describe(exception, options.MaxBlobBytes);
            if (code is RpcStatusCode.Internal)
            {
                LogFailed(exception, http.Request.Method);
            }

            await BlobErrors.WriteAsync(http, code, message, status);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Blob {Digest} of {Size} bytes was uploaded (new: {Created})")]
    private partial void LogStored(Digest digest, long size, bool created);

    [LoggerMessage(Level = LogLevel.Debug, Message = "The caller of a blob request went away")]
    private partial void LogBrokenOff(Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "A blob request ({Method}) failed")]
    private partial void LogFailed(Exception exception, string method);
}

/// <summary>What an upload is answered with.</summary>
internal sealed record BlobAnswer(
    [property: JsonPropertyName("uri")] string Uri,
    [property: JsonPropertyName("digest")] string Digest,
    [property: JsonPropertyName("size")] long Size,
    [property: JsonPropertyName("created")] bool Created);

[JsonSerializable(typeof(BlobAnswer))]
internal sealed partial class BlobJson : JsonSerializerContext;
