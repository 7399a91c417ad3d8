using System.Threading.Channels;

namespace AgentKernel.Spawner.Processes;

/// <summary>Tells a reader of a log that there may be more to read: the files have changed, or the log has ended.</summary>
internal sealed class LogNews : IDisposable
{
    // One waiting signal is enough: a reader that wakes up reads all there is.
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly FileSystemWatcher _files;

    private LogNews(string folder, Task ended)
    {
        _files = new FileSystemWatcher(folder, $"{AgentLog.CurrentFile}*") { NotifyFilter = NotifyFilters.LastWrite | NotifyFilters.FileName };
        _files.Changed += (_, _) => Tell();
        _files.Created += (_, _) => Tell();
        _files.Renamed += (_, _) => Tell();
        _files.Error += (_, _) => Tell(); // some were lost: there were too many
        _files.EnableRaisingEvents = true;
        _ = ended.ContinueWith(_ => _signal.Writer.TryComplete(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Begins to look; null where the folder is gone already.</summary>
    public static LogNews? Of(string folder, Task ended)
    {
        try
        {
            return new(folder, ended);
        }
        catch (Exception exception) when (exception is ArgumentException or FileNotFoundException && !Directory.Exists(folder))
        {
            return null;
        }
    }

    /// <summary>Returns when there may be more to read, and at once when the log has ended.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        if (await _signal.Reader.WaitToReadAsync(cancellationToken))
        {
            _signal.Reader.TryRead(out _);
        }
    }

    public void Dispose() => _files.Dispose();

    private void Tell() => _signal.Writer.TryWrite(true);
}
