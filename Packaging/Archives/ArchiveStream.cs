using System.IO.Compression;

namespace AgentKernel.Packaging.Archives;

/// <summary>Opens what was uploaded as an archive: a tar, or a gzipped one.</summary>
internal static class ArchiveStream
{
    /// <summary>A stream of tar, decompressed where the first bytes say gzip. It owns <paramref name="file"/>, which can seek.</summary>
    public static async Task<Stream> OpenAsync(Stream file, CancellationToken cancellationToken)
    {
        var magic = new byte[2];
        var read = await file.ReadAtLeastAsync(magic, 2, throwOnEndOfStream: false, cancellationToken);
        file.Seek(-read, SeekOrigin.Current);
        return read == 2 && magic is [0x1f, 0x8b] ? new GZipStream(file, CompressionMode.Decompress) : file;
    }
}
