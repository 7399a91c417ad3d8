using System.Buffers.Text;

namespace AgentKernel.Spawner.Processes;

/// <summary>
/// A process by its id and the time it started (in clock ticks since boot, field 22 of <c>/proc/PID/stat</c>), so that
/// an id which the system has given to another process since is never mistaken for it.
/// </summary>
internal sealed record ProcessIdentity(int Pid, long StartTime)
{
    /// <summary>The process that has this id now; null where there is none, or only its remains (state Z or X).</summary>
    public static ProcessIdentity? Of(int pid) => ProcessStat.Read(pid) is { IsGone: false } stat ? new(pid, stat.StartTime) : null;

    /// <summary>Whether this very process still runs. A zombie does not.</summary>
    public bool IsAlive => ProcessStat.Read(Pid) is { IsGone: false } stat && stat.StartTime == StartTime;
}

/// <summary>What <c>/proc/PID/stat</c> says of a process (proc(5)).</summary>
/// <param name="StartTime">In clock ticks since boot.</param>
/// <param name="HasEnvironment">
/// Null where the process has none to be seen: while it changes programs, or for good as a thread of the system.
/// </param>
internal readonly record struct ProcessStat(char State, int Parent, int Session, long StartTime, bool IsSystemThread, bool? HasEnvironment)
{
    private const uint SystemThreadFlag = 0x00200000; // PF_KTHREAD
    private const int MaxBytes = 2048; // 52 numbers and a name of at most 64

    public bool IsGone => State is 'Z' or 'X';

    /// <summary>Null where there is no such process.</summary>
    public static ProcessStat? Read(int pid)
    {
        Span<byte> buffer = stackalloc byte[MaxBytes];
        try
        {
            // Sharing all keeps the runtime from locking the file.
            using var file = File.OpenHandle($"/proc/{pid}/stat", share: FileShare.ReadWrite | FileShare.Delete);
            return Parse(buffer[..RandomAccess.Read(file, buffer, 0)]);
        }
        catch (IOException exception) when (exception is FileNotFoundException or DirectoryNotFoundException || exception.HResult == NativeMethods.NoSuchProcess)
        {
            return null; // it ended, now or long ago; any other failure must not pass for an end
        }
    }

    private static ProcessStat? Parse(ReadOnlySpan<byte> text)
    {
        // The command's name stands in parentheses and may hold spaces and parentheses itself.
        var fields = text[(text.LastIndexOf((byte)')') + 2)..];
        Span<long> numbers = stackalloc long[50];
        var count = 0;
        foreach (var range in fields.Split((byte)' '))
        {
            if (count == numbers.Length)
            {
                break;
            }

            _ = Utf8Parser.TryParse(fields[range], out numbers[count++], out _);
        }

        // Numbered as in proc(5), where the state is field 3.
        long Field(ReadOnlySpan<long> all, int number) => all[number - 3];
        var (environmentStart, environmentEnd) = (Field(numbers, 50), Field(numbers, 51));
        return count < 20 ? null : new ProcessStat(
            (char)fields[0],
            (int)Field(numbers, 4),
            (int)Field(numbers, 6),
            Field(numbers, 22),
            ((uint)Field(numbers, 9) & SystemThreadFlag) != 0,
            environmentStart == 0 ? null : environmentEnd > environmentStart);
    }
}
