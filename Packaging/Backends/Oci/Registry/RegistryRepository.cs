using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using AgentKernel.Packaging.Backends.Oci.Images;

namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>A manifest as a registry has it.</summary>
internal sealed record FetchedManifest(byte[] Bytes, string MediaType, Digest Digest);

/// <summary>
/// One repository of a registry, by the OCI distribution specification 1.1. Every method throws <see cref="RegistryException"/>
/// with the reason when the registry does not do its part.
/// </summary>
internal sealed class RegistryRepository(RegistryTransport transport, string name)
{
    /// <summary>The specification's limit for manifests.</summary>
    private const int MaxManifestBytes = 4 * 1024 * 1024;

    private const int CopyBytes = 128 * 1024;

    private static readonly string[] ManifestTypes = [MediaTypes.Index, MediaTypes.Manifest, MediaTypes.DockerIndex, MediaTypes.DockerManifest];

    private string Pull => $"repository:{name}:pull";

    private string Push => $"repository:{name}:pull,push";

    /// <summary>Fetches a manifest by tag or digest; one that is named by its digest has it.</summary>
    public async Task<FetchedManifest> GetManifestAsync(string tagOrDigest, CancellationToken cancellationToken)
    {
        var request = new RegistryRequest(HttpMethod.Get, At($"manifests/{tagOrDigest}"), Pull, $"get the manifest {name}:{tagOrDigest}", HttpStatusCode.OK) { Accept = ManifestTypes };
        using var response = await transport.SendAsync(request, cancellationToken);
        var bytes = await response.ReadAllAsync(MaxManifestBytes);
        var digest = Digest.Of(bytes);
        if (Digest.TryParse(tagOrDigest) is { } expected && expected != digest)
        {
            throw RegistryFailures.Protocol(request, $"what it sent has the digest {digest}");
        }

        return new(bytes, response.Message.Content.Headers.ContentType?.MediaType ?? "", digest);
    }

    /// <summary>Whether there is such a manifest; false also without the repository.</summary>
    public async Task<bool> HasManifestAsync(string tagOrDigest, CancellationToken cancellationToken)
    {
        var request = new RegistryRequest(HttpMethod.Head, At($"manifests/{tagOrDigest}"), Pull, $"look for the manifest {name}:{tagOrDigest}", HttpStatusCode.OK, HttpStatusCode.NotFound) { Accept = ManifestTypes };
        using var response = await transport.SendAsync(request, cancellationToken);
        return response.Status is HttpStatusCode.OK;
    }

    public async Task PutManifestAsync(string tagOrDigest, string mediaType, byte[] bytes, CancellationToken cancellationToken)
    {
        var request = new RegistryRequest(HttpMethod.Put, At($"manifests/{tagOrDigest}"), Push, $"push the manifest {name}:{tagOrDigest}", HttpStatusCode.Created)
        {
            Content = _ => new ByteArrayContent(bytes) { Headers = { ContentType = new MediaTypeHeaderValue(mediaType) } },
        };
        using var response = await transport.SendAsync(request, cancellationToken);
        if (response.Message.Headers.TryGetValues("Docker-Content-Digest", out var values) && values.FirstOrDefault() is { } kept && kept != Digest.Of(bytes).ToString())
        {
            throw RegistryFailures.Protocol(request, $"it keeps the manifest under another digest, {kept}");
        }
    }

    public async Task<bool> HasBlobAsync(string digest, CancellationToken cancellationToken)
    {
        var request = new RegistryRequest(HttpMethod.Head, At($"blobs/{digest}"), Push, $"look for blob {digest} in {name}", HttpStatusCode.OK, HttpStatusCode.NotFound);
        using var response = await transport.SendAsync(request, cancellationToken);
        return response.Status is HttpStatusCode.OK;
    }

    /// <summary>A blob of a few kilobytes, such as a config.</summary>
    public async Task<byte[]> ReadBlobAsync(Descriptor blob, CancellationToken cancellationToken)
    {
        var request = new RegistryRequest(HttpMethod.Get, At($"blobs/{blob.Digest}"), Pull, $"get blob {blob.Digest} of {name}", HttpStatusCode.OK);
        using var response = await transport.SendAsync(request, cancellationToken);
        var bytes = await response.ReadAllAsync(MaxManifestBytes);
        return Digest.Of(bytes).ToString() == blob.Digest ? bytes : throw RegistryFailures.Protocol(request, $"what it sent has the digest {Digest.Of(bytes)}");
    }

    /// <summary>
    /// Fetches a blob into <paramref name="file"/>, which must not exist; a cut connection goes on where it was. When it fails
    /// the file is gone.
    /// </summary>
    public async Task DownloadAsync(Descriptor blob, string file, CancellationToken cancellationToken, IProgress<long>? received = null)
    {
        try
        {
            await using var output = new FileStream(file, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
            for (var attempt = 1; ;)
            {
                var before = output.Position;
                try
                {
                    await ContinueAsync(blob, output, received, cancellationToken);
                    break;
                }
                catch (RegistryException cut) when (cut.Failure is RegistryFailure.Interrupted)
                {
                    attempt = output.Position > before ? 1 : attempt + 1;
                    if (attempt > transport.Options.Attempts)
                    {
                        throw;
                    }

                    await transport.BackOffAsync(attempt, cancellationToken);
                }
            }
        }
        catch
        {
            File.Delete(file);
            throw;
        }

        await VerifyAsync(blob, file, cancellationToken);
    }

    /// <summary>Makes the blob of another repository of this registry this one's as well, where the registry can: no bytes move.</summary>
    public async Task<bool> MountAsync(string digest, string from, CancellationToken cancellationToken)
    {
        var request = new RegistryRequest(HttpMethod.Post, At($"blobs/uploads/?mount={Uri.EscapeDataString(digest)}&from={Uri.EscapeDataString(from)}"),
            $"{Push} repository:{from}:pull", $"mount blob {digest} of {from} in {name}", HttpStatusCode.Created, HttpStatusCode.Accepted);
        using var response = await transport.SendAsync(request, cancellationToken);
        if (response.Status is HttpStatusCode.Created)
        {
            return true;
        }

        // It has begun an upload instead. The upload for it has its own beginning: this one is given up.
        if (response.Message.Headers.Location is { } location)
        {
            var cancel = new RegistryRequest(HttpMethod.Delete, new Uri(transport.Registry, location), Push, "give up an upload",
                HttpStatusCode.NoContent, HttpStatusCode.NotFound, HttpStatusCode.MethodNotAllowed, HttpStatusCode.Accepted, HttpStatusCode.OK);
            using var given = await transport.SendAsync(cancel, cancellationToken);
        }

        return false;
    }

    /// <summary>Sends a blob, in pieces; after a cut only what did not arrive is sent again.</summary>
    public Task UploadAsync(Digest digest, string file, CancellationToken cancellationToken, IProgress<long>? sent = null) =>
        new BlobUpload(transport, At("blobs/uploads/"), Push, name, digest, sent).RunAsync(file, cancellationToken);

    /// <summary>Sends a small blob.</summary>
    public Task UploadAsync(byte[] bytes, CancellationToken cancellationToken) =>
        new BlobUpload(transport, At("blobs/uploads/"), Push, name, Digest.Of(bytes), null).RunAsync(bytes, cancellationToken);

    private Uri At(string path) => new(transport.Registry, $"/v2/{name}/{path}");

    private async Task ContinueAsync(Descriptor blob, FileStream output, IProgress<long>? received, CancellationToken cancellationToken)
    {
        if (output.Position == blob.Size && blob.Size > 0)
        {
            return;
        }

        var request = new RegistryRequest(HttpMethod.Get, At($"blobs/{blob.Digest}"), Pull, $"get blob {blob.Digest} of {name}", HttpStatusCode.OK, HttpStatusCode.PartialContent) { Offset = output.Position };
        using var response = await transport.SendAsync(request, cancellationToken);
        if (response.Status is HttpStatusCode.OK)
        {
            // All of it, whatever was asked for.
            output.SetLength(0);
            output.Position = 0;
        }
        else if (response.Message.Content.Headers.ContentRange?.From != output.Position)
        {
            throw RegistryFailures.Protocol(request, "it sent another part than it was asked for");
        }

        var buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        try
        {
            await using var body = await response.Message.Content.ReadAsStreamAsync(cancellationToken);
            while (await response.ReadAsync(body, buffer) is var read and > 0)
            {
                if (output.Position + read > blob.Size)
                {
                    throw RegistryFailures.Protocol(request, $"it sent more than the {blob.Size} bytes that the manifest names");
                }

                await output.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                received?.Report(output.Position);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        if (output.Position < blob.Size)
        {
            throw RegistryFailures.Protocol(request, $"it sent {output.Position} of the {blob.Size} bytes that the manifest names");
        }
    }

    private async Task VerifyAsync(Descriptor blob, string file, CancellationToken cancellationToken)
    {
        Digest digest;
        await using (var content = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0))
        {
            digest = Digest.FromHash(await SHA256.HashDataAsync(content, cancellationToken));
        }

        if (digest.ToString() != blob.Digest)
        {
            File.Delete(file);
            throw new RegistryException(RegistryFailure.Protocol, $"registry {transport.Registry.Authority}: blob {blob.Digest} of {name} arrived with the digest {digest}");
        }
    }
}
