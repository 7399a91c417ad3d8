using System.Buffers.Text;
using AgentKernel.Packaging.Archives;

namespace AgentKernel.AgentRuntime.Bundles;

/// <summary>Bundles that come while the agent runs: an archive in a control call, unpacked in the workspace. So it is the same wherever the agent runs.</summary>
internal sealed class LoadedBundles(BundleSet bundles, string workspace)
{
    // An archive that fits into a call and holds more than this was made to fill a disk.
    private static readonly ArchiveLimits s_limits = new(MaxBytes: 256L << 20, MaxEntries: 20_000);

    private readonly string _folder = Path.Join(workspace, ".agentkernel", "bundles");
    private int _loading;

    /// <summary>Where a loaded bundle of this name is, or would be.</summary>
    public string PathOf(string name) => Path.Join(_folder, name);

    /// <summary>Unpacks a tar, which may be gzipped; the bundle takes the place of a loaded one of that name.</summary>
    /// <returns>Null while another one is being unpacked.</returns>
    /// <exception cref="ArchiveException">The archive is refused; nothing has changed.</exception>
    public async Task<Bundle?> LoadAsync(string name, string type, byte[] archive, CancellationToken cancellationToken)
    {
        var (path, aside) = (PathOf(name), Path.Join(_folder, $".{Guid.NewGuid()}"));
        if (Interlocked.Exchange(ref _loading, 1) == 1)
            return null;
        try
        {
            Directory.CreateDirectory(_folder);
            await using (var tar = await ArchiveStream.OpenAsync(new MemoryStream(archive), cancellationToken))
                await ArchiveExtractor.ExtractAsync(tar, aside, s_limits, cancellationToken);
            if (Directory.Exists(path))
                Directory.Delete(path, recursive: true);
            Directory.Move(aside, path);
        }
        finally
        {
            if (Directory.Exists(aside))
                Directory.Delete(aside, recursive: true);
            Volatile.Write(ref _loading, 0);
        }
        var bundle = new Bundle(name, type, path);
        bundles.Add(bundle);
        return bundle;
    }

    /// <summary>Null where the text is not base64.</summary>
    public static byte[]? Decode(string base64)
    {
        var bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(base64.Length)];
        return Convert.TryFromBase64String(base64, bytes, out var length) ? bytes[..length] : null;
    }
}
