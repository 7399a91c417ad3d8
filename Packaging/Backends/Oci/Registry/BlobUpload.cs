using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using AgentKernel.Packaging.Backends.Oci.Images;
using Microsoft.Win32.SafeHandles;

namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>The upload of one blob: begun, sent in pieces, taken up again after a cut where the registry says it was, and ended.</summary>
internal sealed class BlobUpload(RegistryTransport transport, Uri uploads, string scope, string repository, Digest digest, IProgress<long>? sent)
{
    private readonly string _what = $"push blob {digest} to {repository}";
    private Uri? _location;
    private long _done;
    private int _failures;
    private bool _resumed;

    /// <summary>Sends a small blob at once.</summary>
    public async Task RunAsync(byte[] bytes, CancellationToken cancellationToken)
    {
        while (true)
        {
            await BeginAsync(cancellationToken);
            try
            {
                await EndAsync(_ => new ByteArrayContent(bytes), cancellationToken);
                return;
            }
            catch (RegistryException cut) when (MayPass(cut))
            {
                await transport.BackOffAsync(_failures, cancellationToken);
            }
        }
    }

    public async Task RunAsync(string path, CancellationToken cancellationToken)
    {
        using var file = File.OpenHandle(path);
        var size = RandomAccess.GetLength(file);
        while (true)
        {
            await BeginAsync(cancellationToken);
            try
            {
                await SendAsync(file, size, cancellationToken);
                await EndAsync(null, cancellationToken);
                return;
            }
            catch (RegistryException lost) when (StartsAfresh(lost))
            {
                // The registry has forgotten the upload, or kept something else than was sent: from the start, a limited number of times.
                _resumed = false;
                await transport.BackOffAsync(_failures, cancellationToken);
            }
        }
    }

    private async Task BeginAsync(CancellationToken cancellationToken)
    {
        var request = new RegistryRequest(HttpMethod.Post, uploads, scope, _what, HttpStatusCode.Accepted);
        using var response = await transport.SendAsync(request, cancellationToken);
        _done = 0;
        _location = null;
        Follow(request, response);
    }

    private async Task SendAsync(SafeFileHandle file, long size, CancellationToken cancellationToken)
    {
        while (_done < size)
        {
            var (offset, count) = (_done, Math.Min(transport.Options.ChunkBytes, size - _done));
            var request = new RegistryRequest(HttpMethod.Patch, _location!, scope, _what, HttpStatusCode.Accepted, HttpStatusCode.NoContent, HttpStatusCode.RequestedRangeNotSatisfiable)
            {
                Repeatable = false,
                Content = timer => Chunk(new FileRangeContent(file, offset, count, timer, sent), offset, count),
            };
            try
            {
                using var response = await transport.SendAsync(request, cancellationToken);
                if (response.Status is HttpStatusCode.RequestedRangeNotSatisfiable)
                {
                    throw new RegistryException(RegistryFailure.Interrupted, $"registry {uploads.Authority}: could not {_what}: it lost count of what arrived");
                }

                Follow(request, response);
                _done = Arrived(response) ?? offset + count;
                if (_done <= offset || _done > size)
                {
                    throw RegistryFailures.Protocol(request, $"it says that {_done} bytes arrived after {offset + count} were sent");
                }
            }
            catch (RegistryException cut) when (MayPass(cut))
            {
                await transport.BackOffAsync(_failures, cancellationToken);
                await AskAsync(size, cancellationToken);
            }
        }
    }

    /// <summary>Asks where the upload stands, and begins another when the registry has given it up.</summary>
    private async Task AskAsync(long size, CancellationToken cancellationToken)
    {
        var request = new RegistryRequest(HttpMethod.Get, _location!, scope, _what,
            HttpStatusCode.NoContent, HttpStatusCode.Accepted, HttpStatusCode.OK, HttpStatusCode.NotFound);
        using (var response = await transport.SendAsync(request, cancellationToken))
        {
            if (response.Status is not HttpStatusCode.NotFound)
            {
                Follow(request, response);
                _done = Arrived(response) ?? 0;
                _resumed = true;
                if (_done > size)
                {
                    throw RegistryFailures.Protocol(request, $"it says that {_done} bytes arrived of {size}");
                }

                return;
            }
        }

        // docker-registry 2 does so when the cut was inside a piece.
        await BeginAsync(cancellationToken);
    }

    private async Task EndAsync(Func<IdleTimer, HttpContent>? content, CancellationToken cancellationToken)
    {
        var address = new UriBuilder(_location!);
        var named = $"digest={Uri.EscapeDataString(digest.ToString())}";
        address.Query = address.Query.Length > 1 ? $"{address.Query[1..]}&{named}" : named;
        var request = new RegistryRequest(HttpMethod.Put, address.Uri, scope, _what, HttpStatusCode.Created, HttpStatusCode.NoContent)
        {
            Repeatable = false,
            Content = timer =>
            {
                var body = content?.Invoke(timer) ?? new ByteArrayContent([]);
                body.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
                return body;
            },
        };
        using var response = await transport.SendAsync(request, cancellationToken);
    }

    private bool MayPass(RegistryException failure) =>
        failure.Failure is RegistryFailure.Interrupted or RegistryFailure.Broken && ++_failures < transport.Options.Attempts;

    private bool StartsAfresh(RegistryException failure) =>
        (failure.Failure is RegistryFailure.Interrupted or RegistryFailure.Broken
            || (failure.Failure is RegistryFailure.NotFound && _done > 0)
            || (failure.Failure is RegistryFailure.Protocol && _resumed))
        && ++_failures < transport.Options.Attempts;

    private void Follow(RegistryRequest request, RegistryResponse response)
    {
        if (response.Message.Headers.Location is { } location)
        {
            _location = new Uri(_location ?? uploads, location);
        }
        else if (_location is null)
        {
            throw RegistryFailures.Protocol(request, "it did not say where to send the blob (no Location)");
        }

        if (_location!.Scheme == "http" && !_location.IsLoopback)
        {
            throw RegistryFailures.Protocol(request, "it wants the blob to be sent without TLS");
        }
    }

    private static HttpContent Chunk(HttpContent body, long offset, long count)
    {
        body.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        // The distribution specification's form has no unit, so the typed header does not take it.
        body.Headers.TryAddWithoutValidation("Content-Range", string.Create(CultureInfo.InvariantCulture, $"{offset}-{offset + count - 1}"));
        return body;
    }

    /// <summary>The number of bytes that the registry says it has. It writes <c>0-0</c> for none.</summary>
    private static long? Arrived(RegistryResponse response) =>
        response.Message.Headers.TryGetValues("Range", out var values)
        && values.FirstOrDefault()?.Split('-') is [_, var last] && long.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var end)
            ? end == 0 ? 0 : end + 1
            : null;
}
