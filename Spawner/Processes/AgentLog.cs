using System.Runtime.CompilerServices;

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
        using var news = ended.IsCompleted ? null : LogNews.Of(folder, ended);
        var buffer = new byte[ChunkBytes];
        var left = 2L * MaxFileBytes; // who asks for what there is must not be kept by an agent that prints faster than is read
        FileStream? file = null;
        try
        {
            file = First(tailBytes);
            for (var last = false; !last;)
            {
                last = news is null || ended.IsCompleted; // looked at before reading: what was written before the end is still read
                while ((file ??= First(tailBytes: 0)) is { } open)
                {
                    var complete = NameOf(open) != CurrentFile; // looked at before reading: nothing is added to a file that was renamed
                    int read;
                    while (left > 0 && (read = await open.ReadAsync(buffer, cancellationToken)) > 0)
                    {
                        left -= news is null ? read : 0;
                        yield return buffer.AsMemory(0, read);
                    }

                    if (!complete || After(open) is not { } next)
                    {
                        break;
                    }

                    await open.DisposeAsync();
                    file = next;
                }

                if (!last)
                {
                    await news!.WaitAsync(cancellationToken); // not the last round: there is news to wait for
                }
            }
        }
        finally
        {
            if (file is not null)
            {
                await file.DisposeAsync();
            }
        }
    }

    // The oldest file, or the one in which the last tailBytes begin, set to where they do.
    private FileStream? First(long tailBytes)
    {
        while (true)
        {
            // In this order: with no older file to be found now, the one opened before is the first there was.
            var current = Open(CurrentFile);
            var previous = Open(PreviousFile);
            if (current is not null && previous is not null && NameOf(current) != CurrentFile)
            {
                current.Dispose(); // renamed in between: both are the same file
                previous.Dispose();
                continue;
            }

            var before = tailBytes > 0 ? Math.Max(0, (previous?.Length ?? 0) + (current?.Length ?? 0) - tailBytes) : 0;
            if (previous is not null && (current is null || before < previous.Length))
            {
                current?.Dispose();
                previous.Position = before;
                return previous;
            }

            if (current is not null)
            {
                current.Position = before - (previous?.Length ?? 0);
            }

            previous?.Dispose();
            return current;
        }
    }

    // What follows a complete file: the current one while this is the one before it, else the oldest that is left.
    private FileStream? After(FileStream complete)
    {
        var current = Open(CurrentFile);
        if (NameOf(complete) == PreviousFile)
        {
            return current; // opened while the other was still the one before it; null: not there yet
        }

        current?.Dispose();
        return Open(PreviousFile);
    }

    private FileStream? Open(string name)
    {
        try
        {
            return new FileStream(Path.Combine(folder, name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            return null; // nothing has been printed yet, or the agent has locked it away
        }
    }

    // The logger renames the full file and makes another; the system knows the name that an open file has now.
    private static string? NameOf(FileStream file) =>
        Path.GetFileName(File.ResolveLinkTarget($"/proc/self/fd/{file.SafeFileHandle.DangerousGetHandle()}", returnFinalTarget: false)?.FullName);

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
