using System.Buffers;
using System.Text.Json;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Rpc;
using AgentKernel.Rpc.Connect;

namespace AgentKernel.Packaging.Blobs;

/// <summary>What goes wrong with blobs, in the words and codes of the wire.</summary>
internal static class BlobErrors
{
    private const int NoSpaceLeft = 28; // ENOSPC
    private const int QuotaUsedUp = 122; // EDQUOT

    public static RpcException TooLarge(long limit) => new(RpcStatusCode.ResourceExhausted, $"the content is larger than {limit} bytes, which is the limit for a blob");

    public static RpcException Missing(Digest digest) => new(RpcStatusCode.NotFound, $"there is no blob {digest}; upload it with PUT /v1/blobs");

    /// <summary>Whether the disk is what refused.</summary>
    public static bool IsDiskFull(Exception exception) => exception is IOException { HResult: NoSpaceLeft or QuotaUsedUp };

    public static (RpcStatusCode Code, string Message, int Status) Describe(Exception exception, long limit) => exception switch
    {
        RpcException refused => (refused.Code, refused.Message, HttpStatusOf(refused.Code)),
        BlobException { TooLarge: true } => (RpcStatusCode.ResourceExhausted, TooLarge(limit).Message, StatusCodes.Status413PayloadTooLarge),
        BlobException refused => (RpcStatusCode.InvalidArgument, $"digest: {refused.Message}", StatusCodes.Status400BadRequest),
        BadHttpRequestException => (RpcStatusCode.InvalidArgument, "the request's body broke off or is malformed; nothing was kept", StatusCodes.Status400BadRequest),
        _ when IsDiskFull(exception) => (RpcStatusCode.ResourceExhausted, "the disk of the blob store is full; nothing was kept", StatusCodes.Status507InsufficientStorage),
        _ => (RpcStatusCode.Internal, "internal error", StatusCodes.Status500InternalServerError),
    };

    public static async Task WriteAsync(HttpContext http, RpcStatusCode code, string message, int status)
    {
        if (http.Response.HasStarted)
        {
            http.Abort(); // or the part would be taken for the whole
            return;
        }

        var body = new ArrayBufferWriter<byte>();
        await using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("error", message);
            json.WriteString("code", ConnectStatus.NameOf(code));
            json.WriteEndObject();
        }

        http.Response.Clear();
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        if (!HttpMethods.IsHead(http.Request.Method))
        {
            http.Response.ContentLength = body.WrittenCount;
            await http.Response.BodyWriter.WriteAsync(body.WrittenMemory);
        }
    }

    private static int HttpStatusOf(RpcStatusCode code) =>
        code is RpcStatusCode.ResourceExhausted ? StatusCodes.Status413PayloadTooLarge : ConnectStatus.HttpStatusOf(code);
}
