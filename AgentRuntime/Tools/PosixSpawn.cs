using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>
/// posix_spawn(3). Not <see cref="System.Diagnostics.Process"/>: that cannot begin a session, and its children
/// inherit that .NET ignores SIGPIPE, on which many a pipeline relies to end.
/// </summary>
internal static unsafe partial class PosixSpawn
{
    private const short SetSignalDefaults = 0x04;
    private const short SetSignalMask = 0x08;
    private const short SetSession = 0x80;
    private const int CloseOnExec = 0x80000;
    private const int Interrupted = 4;
    // The C library's structures are opaque; the largest of them has 336 bytes.
    private const int OpaqueSize = 1_024;

    /// <summary>Starts a program with /dev/null as input and two pipes as output, in a new session, with all signals as at login.</summary>
    public static (int Id, SafePipeHandle Stdout, SafePipeHandle Stderr) Start(string program, string[] arguments, string directory, string[] environment)
    {
        var (stdout, stdoutEnd) = MakePipe();
        var (stderr, stderrEnd) = MakePipe();
        using (stdoutEnd)
        using (stderrEnd)
        {
            byte* actions = stackalloc byte[OpaqueSize];
            byte* attributes = stackalloc byte[OpaqueSize];
            byte* signals = stackalloc byte[OpaqueSize];
            _ = ActionsInit(actions);
            _ = AttributesInit(attributes);
            try
            {
                _ = AddOpen(actions, 0, "/dev/null", 0, 0);
                _ = AddDuplicate(actions, (int)stdoutEnd.DangerousGetHandle(), 1);
                _ = AddDuplicate(actions, (int)stderrEnd.DangerousGetHandle(), 2);
                _ = AddChangeDirectory(actions, directory);
                _ = FillSignals(signals);
                _ = SetDefaults(attributes, signals);
                _ = EmptySignals(signals);
                _ = SetMask(attributes, signals);
                _ = SetFlags(attributes, SetSession | SetSignalDefaults | SetSignalMask);

                using var argv = new StringVector(arguments);
                using var envp = new StringVector(environment);
                var error = Spawn(out var id, program, actions, attributes, argv.Pointer, envp.Pointer);
                if (error == 0)
                    return (id, stdout, stderr);
                stdout.Dispose();
                stderr.Dispose();
                throw new IOException($"'{program}' cannot be started: {Marshal.GetPInvokeErrorMessage(error)}");
            }
            finally
            {
                _ = AttributesDestroy(attributes);
                _ = ActionsDestroy(actions);
            }
        }
    }

    /// <summary>Blocks until the process has ended, and takes it out of the system's books.</summary>
    public static int Wait(int id)
    {
        int status;
        while (WaitPid(id, out status, 0) < 0)
        {
            if (Marshal.GetLastPInvokeError() != Interrupted)
                return -1;
        }
        var signal = status & 0x7f;
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal;
    }

    private static (SafePipeHandle Reading, SafePipeHandle Writing) MakePipe()
    {
        int* ends = stackalloc int[2];
        if (Pipe(ends, CloseOnExec) != 0)
            throw new IOException($"no pipe can be made: {Marshal.GetLastPInvokeErrorMessage()}");
        return (new SafePipeHandle(ends[0], ownsHandle: true), new SafePipeHandle(ends[1], ownsHandle: true));
    }

    /// <summary>A NULL-terminated array of C strings.</summary>
    private sealed class StringVector : IDisposable
    {
        private readonly int _count;

        public StringVector(string[] strings)
        {
            _count = strings.Length;
            Pointer = (byte**)NativeMemory.AllocZeroed((nuint)_count + 1, (nuint)sizeof(byte*));
            for (var i = 0; i < _count; i++)
                Pointer[i] = (byte*)Marshal.StringToCoTaskMemUTF8(strings[i]);
        }

        public byte** Pointer { get; }

        public void Dispose()
        {
            for (var i = 0; i < _count; i++)
                Marshal.FreeCoTaskMem((nint)Pointer[i]);
            NativeMemory.Free(Pointer);
        }
    }

    [LibraryImport("libc", EntryPoint = "posix_spawnp", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Spawn(out int id, string program, byte* actions, byte* attributes, byte** argv, byte** envp);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitPid(int id, out int status, int options);

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    private static partial int Pipe(int* ends, int flags);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial int ActionsInit(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial int ActionsDestroy(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int AddOpen(byte* actions, int descriptor, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int AddDuplicate(byte* actions, int from, int to);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addchdir_np", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int AddChangeDirectory(byte* actions, string path);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    private static partial int AttributesInit(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    private static partial int AttributesDestroy(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    private static partial int SetFlags(byte* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    private static partial int SetDefaults(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigmask")]
    private static partial int SetMask(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "sigfillset")]
    private static partial int FillSignals(byte* signals);

    [LibraryImport("libc", EntryPoint = "sigemptyset")]
    private static partial int EmptySignals(byte* signals);
}
