using System.Buffers;
using AgentKernel.Rpc;
using Microsoft.AspNetCore.Http.Features;

namespace AgentKernel.AgentGateway.Http;

/// <summary>A request's whole body in one pooled buffer, up to the limit.</summary>
internal sealed class RequestBody : IDisposable
{
    private const int UnknownSize = 4 * 1024;

    // Memory is taken for bytes that came and not for bytes that were announced.
    private const int LargestFirstSize = 64 * 1024;

    private byte[]? _buffer;
    private int _length;

    private RequestBody(byte[] buffer) => _buffer = buffer;

    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <exception cref="RpcException">ResourceExhausted: it is larger than the limit.</exception>
    public static async Task<RequestBody> ReadAsync(HttpContext http, int maxBytes)
    {
        // The limit is ours, and answers in our form.
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }

        if (http.Request.ContentLength > maxBytes)
        {
            throw TooLarge(maxBytes);
        }

        var body = new RequestBody(ArrayPool<byte>.Shared.Rent((int)Math.Min(http.Request.ContentLength ?? UnknownSize, LargestFirstSize) + 1));
        try
        {
            while (await http.Request.Body.ReadAsync(body.Room(), http.RequestAborted) is var read and > 0)
            {
                body._length += read;
                if (body._length > maxBytes)
                {
                    throw TooLarge(maxBytes);
                }
            }

            return body;
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (_buffer is { } buffer)
        {
            _buffer = null;
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private Memory<byte> Room()
    {
        var buffer = _buffer!; // not disposed while it is read
        if (_length == buffer.Length)
        {
            _buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(buffer.Length * 2L, Array.MaxLength));
            buffer.CopyTo(_buffer, 0);
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return _buffer.AsMemory(_length);
    }

    private static RpcException TooLarge(int maxBytes) =>
        new(RpcStatusCode.ResourceExhausted, $"the request is larger than the limit of {maxBytes} bytes");
}
