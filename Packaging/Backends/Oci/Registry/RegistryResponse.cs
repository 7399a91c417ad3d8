using System.Net;

namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>A registry's answer, of which the body is still to be read.</summary>
internal sealed class RegistryResponse(HttpResponseMessage message, IdleTimer timer, RegistryRequest request, CancellationToken cancellationToken) : IDisposable
{
    public HttpStatusCode Status => message.StatusCode;

    public HttpResponseMessage Message => message;

    /// <summary>Reads some of the body into the buffer; 0 at its end. Throws <see cref="RegistryException"/> when it breaks off or stands still.</summary>
    public async ValueTask<int> ReadAsync(Stream body, Memory<byte> buffer)
    {
        try
        {
            timer.Restart();
            return await body.ReadAsync(buffer, timer.Token);
        }
        catch (Exception exception) when (RegistryFailures.Explains(exception, cancellationToken))
        {
            throw RegistryFailures.Of(exception, request, timer);
        }
    }

    /// <summary>The whole body. Throws <see cref="RegistryException"/> also when it is longer than <paramref name="limit"/> bytes.</summary>
    public async Task<byte[]> ReadAllAsync(int limit)
    {
        try
        {
            return await BoundedBody.ReadAsync(message, limit, timer.Token);
        }
        catch (Exception exception) when (RegistryFailures.Explains(exception, cancellationToken))
        {
            throw RegistryFailures.Of(exception, request, timer);
        }
    }

    public void Dispose()
    {
        message.Dispose();
        timer.Dispose();
    }
}
