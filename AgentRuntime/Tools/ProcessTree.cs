using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>
/// Kills all that a command has started. Its session is not enough, because any process may begin one of its
/// own; its descendants are not, because a parent's end cuts the line. So also every process counts that
/// carries the command's mark in its environment.
/// </summary>
internal static partial class ProcessTree
{
    private const int Sigkill = 9;
    private const long PidfdSendSignal = 424;
    private const long PidfdOpen = 434;
    private const int MaxRounds = 50;

    /// <summary>Returns when none is left, or after a second of trying against one that forks faster.</summary>
    /// <param name="session">The session's id, which is its first process's; null when only the mark counts.</param>
    /// <param name="mark"><c>NAME=value</c>; values that go on behind it count too.</param>
    public static async Task KillAsync(int? session, string mark)
    {
        var marked = Encoding.UTF8.GetBytes(mark);
        for (var round = 0; round < MaxRounds; round++)
        {
            var victims = Find(session, marked);
            if (victims.Count == 0)
                return;
            foreach (var victim in victims)
                Kill(victim);
            // The dead stay visible until the system has taken them apart.
            await Task.Delay(TimeSpan.FromMilliseconds(round == 0 ? 2 : 20));
        }
        Diagnostics.Write("some processes of a killed command could not be ended");
    }

    private static List<ProcessStat> Find(int? session, byte[] mark)
    {
        var all = new List<ProcessStat>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                && id != Environment.ProcessId && ProcessStat.Read(id) is { IsDead: false } stat)
                all.Add(stat);
        }
        var found = all.FindAll(stat => stat.Session == session || HasMark(stat.Id, mark));
        var ids = found.Select(stat => stat.Id).ToHashSet();
        // Children of those found, and theirs: /proc lists parents and children in no useful order.
        for (var before = -1; before != ids.Count;)
        {
            before = ids.Count;
            foreach (var stat in all)
            {
                if (ids.Contains(stat.Parent) && ids.Add(stat.Id))
                    found.Add(stat);
            }
        }
        return found;
    }

    // The mark is random, so wherever it stands it is meant.
    private static bool HasMark(int id, byte[] mark)
    {
        try
        {
            return File.ReadAllBytes($"/proc/{id}/environ").AsSpan().IndexOf(mark) >= 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // gone, or another user's
        }
    }

    private static void Kill(ProcessStat victim)
    {
        // A descriptor pins the process: once the start time has been seen through it, the id cannot be another's.
        var descriptor = Syscall(PidfdOpen, victim.Id, 0, 0, 0);
        if (descriptor < 0)
            return;
        using var pinned = new Microsoft.Win32.SafeHandles.SafeFileHandle((nint)descriptor, ownsHandle: true);
        if (ProcessStat.Read(victim.Id)?.StartTime == victim.StartTime)
            _ = Syscall(PidfdSendSignal, descriptor, Sigkill, 0, 0);
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long Syscall(long number, long first, long second, long third, long fourth);
}
