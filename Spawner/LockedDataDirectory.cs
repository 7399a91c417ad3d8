using System.Security.Cryptography;
using System.Text;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Spawner;

/// <summary>
/// The data directory, held for this kernel alone: whoever keeps something in it asks for this. The system lets go of
/// the lock when the kernel ends, however it ends.
/// </summary>
internal sealed class LockedDataDirectory : IDisposable
{
    private readonly DataDirectory _directory;
    private readonly FileStream _lock;

    /// <exception cref="InvalidOperationException">Another kernel holds the directory.</exception>
    public LockedDataDirectory(DataDirectory directory)
    {
        _directory = directory;
        try
        {
            _lock = new FileStream(directory.Combine("kernel.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception)
        {
            throw new InvalidOperationException(
                $"another kernel runs on the data directory {directory.Path}; stop it, or set {DataDirectory.HomeVariable} to a directory of this one's own", exception);
        }
    }

    /// <summary>Its absolute path.</summary>
    public string Path => _directory.Path;

    /// <summary>12 hexadecimal digits that stand for it outside: on processes, and in the names of control groups.</summary>
    public string Id => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path)))[..12];

    /// <summary>The path of something in it.</summary>
    public string Combine(params ReadOnlySpan<string> parts) => _directory.Combine(parts);

    public void Dispose() => _lock.Dispose();
}
