using AgentKernel.Packaging.Backends.Oci.Images;

namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>Reads small documents, and refuses to read large ones.</summary>
internal static class BoundedBody
{
    /// <summary>Throws <see cref="OciException"/> beyond <paramref name="limit"/> bytes.</summary>
    public static async Task<byte[]> ReadAsync(HttpResponseMessage response, int limit, CancellationToken cancellationToken)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var bytes = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (await stream.ReadAsync(buffer, cancellationToken) is var read and > 0)
        {
            bytes.Write(buffer, 0, read);
            if (bytes.Length > limit)
            {
                throw new OciException($"the answer is longer than {limit} bytes");
            }
        }

        return bytes.ToArray();
    }
}
