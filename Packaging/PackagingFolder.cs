using AgentKernel.Packaging.Images;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Packaging;

/// <summary>The folder <c>packaging</c> of the data directory, held for this service alone.</summary>
internal sealed class PackagingFolder : IDisposable
{
    private readonly FileStream _lock;

    /// <exception cref="InvalidOperationException">Another service holds it.</exception>
    public PackagingFolder(DataDirectory home)
    {
        Path = home.Combine("packaging");
        DataDirectory.CreateFolder(Path);
        try
        {
            _lock = new FileStream(Combine("lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception)
        {
            throw new InvalidOperationException(
                $"another packaging service runs on the data directory {home.Path}; stop it, or set {DataDirectory.HomeVariable} to a directory of this one's own", exception);
        }

        // What an earlier one left half done.
        DataDirectory.DeleteFolder(Work);
        DataDirectory.DeleteFolder(Combine("oci", "work"));
        DataDirectory.CreateFolder(Work);
    }

    public string Path { get; }

    /// <summary>For what is not finished; on the same disk as what is.</summary>
    public string Work => Combine("work");

    public string Combine(params ReadOnlySpan<string> parts) => System.IO.Path.Combine([Path, .. parts]);

    /// <summary>A path in <see cref="Work"/> that is nobody else's.</summary>
    public string WorkPath() => System.IO.Path.Combine(Work, Guid.NewGuid().ToString("N"));

    public void Dispose() => _lock.Dispose();
}
