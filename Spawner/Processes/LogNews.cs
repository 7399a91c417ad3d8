using System.Threading.Channels;

namespace AgentKernel.Spawner.Processes;

/// <summary>Tells a reader of a log that there may be more to read: the files have changed, or the log has ended.</summary>
internal sealed class LogNews : IDisposable
{
    // One waiting signal is enough: a reader that wakes up reads all there is.
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly FileSystemWatcher _files;
    private readonly CancellationTokenSource _disposed = new();

    private LogNews(string folder, Task ended)
    {
        _files = new FileSystemWatcher(folder, $"{AgentLog.CurrentFile}*") { NotifyFilter = NotifyFilters.LastWrite | NotifyFilters.FileName };
        _files.Changed += (_, _) => Tell();
        _files.Created += (_, _) => Tell();
        _files.Renamed += (_, _) => Tell();
        _files.Error += (_, error) => Note(error.GetException());
        try
        {
            _files.EnableRaisingEvents = true;
        }
        catch
        {
            Dispose();
            throw;
        }

        // The token takes the continuation off the task again, which many readers can come and go before.
        _ = ended.ContinueWith(_ => _signal.Writer.TryComplete(), _disposed.Token, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Begins to look; null where the folder is gone already.</summary>
    /// <exception cref="LogNewsException">The system has nothing left to look with.</exception>
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
        catch (IOException exception)
        {
            throw new LogNewsException(exception);
        }
    }

    /// <summary>Returns when there may be more to read, and at once when the log has ended.</summary>
    /// <exception cref="LogNewsException">The system has nothing left to look with.</exception>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        if (await _signal.Reader.WaitToReadAsync(cancellationToken))
        {
            _signal.Reader.TryRead(out _);
        }
    }

    public void Dispose()
    {
        _files.Dispose();
        _disposed.Cancel();
        _disposed.Dispose();
    }

    private void Tell() => _signal.Writer.TryWrite(true);

    private void Note(Exception error)
    {
        if (error is IOException exception)
        {
            _signal.Writer.TryComplete(new LogNewsException(exception)); // the watch could not be set up: no news would ever come
        }
        else
        {
            Tell(); // some were lost: there were too many
        }
    }
}

/// <summary>A log cannot be followed: this user has used up inotify's instances or watches, or this process its descriptors.</summary>
internal sealed class LogNewsException(IOException cause) : IOException(
    "the system has no more inotify instances, watches or file descriptors for it; end other readers that follow logs, or raise fs.inotify.max_user_instances, fs.inotify.max_user_watches or the limit of open files", cause);
