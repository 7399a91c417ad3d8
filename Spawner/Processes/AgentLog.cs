using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace AgentKernel.Spawner.Processes;

/// <summary>
/// Reads the bounded log that a shim's logger keeps: at most two files of <see cref="MaxFileBytes"/>, the older one full.
/// </summary>
internal sealed class AgentLog(string folder)
{
    /// <summary>The size at which the log starts a new file.</summary>
    public const int MaxFileBytes = 10 * 1024 * 1024;

    public const string CurrentFile = "output.log";
    public const string PreviousFile = "output.log.1";

    private const int ChunkBytes = 64 * 1024;

    /// <summary>The last bytes of the log, at most <paramref name="maxBytes"/>; empty where there is none.</summary>
    public byte[] Tail(int maxBytes)
    {
        var current = ReadEnd(CurrentFile, maxBytes);
        return current.Length == maxBytes ? current : [.. ReadEnd(PreviousFile, maxBytes - current.Length), .. current];
    }

    /// <summary>
    /// What the log holds, oldest first, and then what is added, until <paramref name="ended"/> completes; a task that has
    /// completed reads what there is. Output that the log dropped before it was read is skipped.
    /// </summary>
    /// <param name="tailBytes">Starts so many bytes before the end; 0: at the beginning.</param>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(long tailBytes, Task ended, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // One waiting signal is enough: a reader that wakes up reads all there is.
        var signal = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        using var watcher = new FileSystemWatcher(folder, $"{CurrentFile}*") { NotifyFilter = NotifyFilters.LastWrite | NotifyFilters.FileName };
        watcher.Changed += (_, _) => signal.Writer.TryWrite(true);
        watcher.Created += (_, _) => signal.Writer.TryWrite(true);
        watcher.Renamed += (_, _) => signal.Writer.TryWrite(true);
        watcher.EnableRaisingEvents = true;
        var stopped = ended.ContinueWith(_ => signal.Writer.TryComplete(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

        var buffer = new byte[ChunkBytes];
        FileStream? file = null;
        try
        {
            var skip = tailBytes > 0 ? Math.Max(0, Length(PreviousFile) + Length(CurrentFile) - tailBytes) : 0;
            file = Open(PreviousFile) ?? Open(CurrentFile);
            var more = true;
            while (more)
            {
                more = !stopped.IsCompleted; // looked at before reading: what was written before the end is still read
                while (file is not null || (file = Open(CurrentFile)) is not null)
                {
                    if (skip > 0)
                    {
                        var step = Math.Min(skip, file.Length);
                        file.Position += step;
                        skip -= step;
                    }

                    int read;
                    while ((read = await file.ReadAsync(buffer, cancellationToken)) > 0)
                    {
                        yield return buffer.AsMemory(0, read);
                    }

                    if (IsCurrent(file))
                    {
                        break;
                    }

                    await file.DisposeAsync();
                    file = null;
                }

                more = more && await WaitAsync();
            }
        }
        finally
        {
            if (file is not null)
            {
                await file.DisposeAsync();
            }
        }

        async ValueTask<bool> WaitAsync()
        {
            // Completion of the channel is one more reason to read once more.
            if (await signal.Reader.WaitToReadAsync(cancellationToken))
            {
                signal.Reader.TryRead(out _);
            }

            return true;
        }
    }

    private FileStream? Open(string name)
    {
        try
        {
            return new FileStream(Path.Combine(folder, name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
        catch (IOException)
        {
            return null; // nothing has been printed yet
        }
    }

    // The logger renames the full file and makes another; the system knows the name that an open file has now.
    private static bool IsCurrent(FileStream file) =>
        Path.GetFileName(File.ResolveLinkTarget($"/proc/self/fd/{file.SafeFileHandle.DangerousGetHandle()}", returnFinalTarget: false)?.FullName) == CurrentFile;

    private long Length(string name) => new FileInfo(Path.Combine(folder, name)) is { Exists: true } info ? info.Length : 0;

    private byte[] ReadEnd(string name, int maxBytes)
    {
        using var file = maxBytes > 0 ? Open(name) : null;
        if (file is null)
        {
            return [];
        }

        file.Position = Math.Max(0, file.Length - maxBytes);
        var bytes = new byte[Math.Min(maxBytes, file.Length - file.Position)];
        return bytes[..file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)];
    }
}
