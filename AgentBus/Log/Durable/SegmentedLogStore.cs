namespace AgentKernel.AgentBus.Log.Durable;

/// <summary>Logs in folders of a folder.</summary>
internal sealed class SegmentedLogStore(string folder, int segmentBytes, TimeProvider time) : IBusLogStore
{
    private const string LogFolder = "log";

    public IBusLog Open(string busId) => SegmentedLog.Open(Path.Combine(folder, busId, LogFolder), segmentBytes, time);

    public void Delete(string busId)
    {
        var path = Path.Combine(folder, busId, LogFolder);
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }
}
