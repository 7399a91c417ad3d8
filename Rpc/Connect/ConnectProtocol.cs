using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;
using AgentKernel.Rpc.Server;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.Rpc.Connect;

/// <summary>What unary calls and server-sent events share of the Connect protocol: headers, the request body, errors.</summary>
/// <remarks>Source: the Connect protocol, "Unary-Request" and "Error Codes".</remarks>
internal static class ConnectProtocol
{
    public static TimeSpan? ReadTimeout(HttpRequest request)
    {
        if (request.Headers["connect-protocol-version"] is [{ } version] && version != "1")
            throw new RpcException(RpcStatusCode.InvalidArgument, $"connect-protocol-version '{version}' is not supported; it is 1");
        if (request.Headers["connect-timeout-ms"] is not [{ } timeout])
            return null;
        return timeout.Length <= 10 && long.TryParse(timeout, NumberStyles.None, CultureInfo.InvariantCulture, out var ms)
            ? TimeSpan.FromMilliseconds(ms)
            : throw new RpcException(RpcStatusCode.InvalidArgument, $"connect-timeout-ms '{timeout}' is not a timeout: 1 to 10 digits");
    }

    /// <summary>Reads the whole body, decompressed where need be, and gives it to the parser.</summary>
    public static async Task<T> ReadBodyAsync<T>(HttpContext http, Func<ReadOnlySequence<byte>, T> parse, int maxBytes, CancellationToken cancellationToken)
    {
        var encoding = http.Request.Headers.ContentEncoding.ToString();
        if (encoding is not ("" or "identity" or Gzip.Name))
        {
            http.Response.Headers.AcceptEncoding = Gzip.Accepted;
            throw new RpcException(RpcStatusCode.Unimplemented, $"content-encoding '{encoding}' is not supported; supported are {Gzip.Accepted}");
        }
        if (http.Request.ContentLength > maxBytes)
            throw TooLarge(maxBytes);
        var body = http.Request.BodyReader;
        while (true)
        {
            var read = await body.ReadAsync(cancellationToken);
            try
            {
                if (read.Buffer.Length > maxBytes)
                    throw TooLarge(maxBytes);
                if (read.IsCompleted)
                    return Parse(read.Buffer, encoding, parse, maxBytes);
            }
            finally
            {
                body.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            }
        }
    }

    /// <summary>Answers with an error in place of a response: JSON whatever the request was, and the code's HTTP status.</summary>
    public static async Task WriteErrorAsync(HttpResponse response, CallStatus status, RpcMetadata trailers)
    {
        response.StatusCode = ConnectStatus.HttpStatusOf(status.Code);
        response.ContentType = "application/json";
        AddTrailers(response, trailers);
        var error = ErrorJson(status);
        response.ContentLength = error.Length;
        await response.BodyWriter.WriteAsync(error);
        await response.CompleteAsync();
    }

    /// <summary>Trailers of a unary call travel as headers with a prefix.</summary>
    public static void AddTrailers(HttpResponse response, RpcMetadata trailers)
    {
        foreach (var (key, value) in trailers)
            response.Headers.Append("trailer-" + key, value);
    }

    /// <summary>The error as JSON: <c>{"code":"not_found","message":"…"}</c>.</summary>
    public static byte[] ErrorJson(CallStatus status)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("code", ConnectStatus.NameOf(status.Code));
            json.WriteString("message", status.Message);
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }

    private static T Parse<T>(ReadOnlySequence<byte> body, string encoding, Func<ReadOnlySequence<byte>, T> parse, int maxBytes)
    {
        if (encoding != Gzip.Name)
            return parse(body);
        using var message = Gzip.Decompress(body, maxBytes, RpcStatusCode.InvalidArgument);
        return parse(new ReadOnlySequence<byte>(message.Written));
    }

    private static RpcException TooLarge(int maxBytes) =>
        new(RpcStatusCode.ResourceExhausted, $"the message is larger than the limit of {maxBytes} bytes");
}
