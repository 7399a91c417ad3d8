using AgentKernel.ServiceDefaults;

namespace AgentKernel.AgentBus;

/// <summary>The folder of the logs, held for this service alone. The system lets go of the lock when the service ends, however it ends.</summary>
internal sealed class LockedBusFolder : IDisposable
{
    private readonly FileStream _lock;

    /// <exception cref="InvalidOperationException">Another bus service holds it.</exception>
    public LockedBusFolder(DataDirectory directory)
    {
        Path = directory.Combine("bus");
        DataDirectory.CreateFolder(Path);
        try
        {
            _lock = new FileStream(directory.Combine("bus.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception)
        {
            throw new InvalidOperationException(
                $"another bus service runs on the data directory {directory.Path}; stop it, or set {DataDirectory.HomeVariable} to a directory of this one's own", exception);
        }
    }

    public string Path { get; }

    public void Dispose() => _lock.Dispose();
}
