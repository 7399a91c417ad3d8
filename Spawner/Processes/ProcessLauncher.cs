using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace AgentKernel.Spawner.Processes;

/// <summary>What to start: an absolute path, its arguments, all of its environment, and where its streams go.</summary>
/// <param name="File">The absolute path of the program; also its argument 0.</param>
/// <param name="Environment">The whole environment: nothing of this process's own is added.</param>
/// <param name="StandardInput">Null: <c>/dev/null</c>.</param>
/// <param name="StandardOutput">Null: <c>/dev/null</c>.</param>
internal sealed record ProcessStart(
    string File,
    IReadOnlyList<string> Arguments,
    IReadOnlyDictionary<string, string> Environment,
    string WorkingDirectory,
    SafeFileHandle? StandardInput = null,
    SafeFileHandle? StandardOutput = null);

/// <summary>
/// Starts programs in a session of their own with <c>posix_spawn</c>, which <see cref="System.Diagnostics.Process"/> cannot:
/// signals for the kernel's terminal do not reach them, and they go on when the kernel is gone. A started child gets the
/// three standard streams and no other descriptor, the default disposition of every signal, and an empty signal mask.
/// Standard error goes to <c>/dev/null</c>: the shim redirects its agent's.
/// </summary>
internal static class ProcessLauncher
{
    private const int WriteOnly = 1;
    private const int ReadOnly = 0;

    /// <returns>The id of the new process, a child of this one: it must be reaped (see <see cref="ProcessExitWatcher"/>).</returns>
    /// <exception cref="Win32Exception">The program could not be started; its message is the system's.</exception>
    public static unsafe int Start(ProcessStart start)
    {
        byte* actions = stackalloc byte[NativeMethods.OpaqueSize];
        byte* attributes = stackalloc byte[NativeMethods.OpaqueSize];
        byte* signals = stackalloc byte[NativeMethods.OpaqueSize];
        using var argv = new NativeStrings([start.File, .. start.Arguments]);
        using var envp = new NativeStrings([.. start.Environment.Select(pair => $"{pair.Key}={pair.Value}")]);

        Check(NativeMethods.FileActionsInit(actions), start);
        Check(NativeMethods.AttributesInit(attributes), start);
        try
        {
            Redirect(start.StandardInput, 0, ReadOnly);
            Redirect(start.StandardOutput, 1, WriteOnly);
            Redirect(null, 2, WriteOnly);
            Check(NativeMethods.FileActionsAddCloseFrom(actions, 3), start);
            Check(NativeMethods.FileActionsAddChangeDirectory(actions, start.WorkingDirectory), start);

            _ = NativeMethods.SigFillSet(signals);
            Check(NativeMethods.AttributesSetSigDefault(attributes, signals), start);
            _ = NativeMethods.SigEmptySet(signals);
            Check(NativeMethods.AttributesSetSigMask(attributes, signals), start);
            Check(NativeMethods.AttributesSetFlags(attributes, NativeMethods.SpawnSetSid | NativeMethods.SpawnSetSigDef | NativeMethods.SpawnSetSigMask), start);

            Check(NativeMethods.PosixSpawn(out var pid, argv.Pointer[0], actions, attributes, argv.Pointer, envp.Pointer), start);
            return pid;
        }
        finally
        {
            _ = NativeMethods.AttributesDestroy(attributes);
            _ = NativeMethods.FileActionsDestroy(actions);
        }

        void Redirect(SafeFileHandle? handle, int descriptor, int flags) => Check(
            handle is null
                ? NativeMethods.FileActionsAddOpen(actions, descriptor, "/dev/null", flags, 0)
                : NativeMethods.FileActionsAddDup2(actions, (int)handle.DangerousGetHandle(), descriptor),
            start);
    }

    /// <summary>A pipe whose two ends no child inherits by accident.</summary>
    public static unsafe (SafeFileHandle Read, SafeFileHandle Write) CreatePipe()
    {
        int* descriptors = stackalloc int[2];
        return NativeMethods.Pipe2(descriptors, NativeMethods.OpenCloseOnExec) == 0
            ? (new SafeFileHandle(descriptors[0], ownsHandle: true), new SafeFileHandle(descriptors[1], ownsHandle: true))
            : throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    private static void Check(int error, ProcessStart start)
    {
        if (error != 0)
        {
            throw new Win32Exception(error, $"'{Path.GetFileName(start.File)}' could not be started: {new Win32Exception(error).Message}");
        }
    }

    /// <summary>A null-terminated array of UTF-8 strings in native memory.</summary>
    private sealed unsafe class NativeStrings : IDisposable
    {
        private readonly int _count;

        public NativeStrings(string[] values)
        {
            _count = values.Length;
            Pointer = (byte**)NativeMemory.AllocZeroed((nuint)_count + 1, (nuint)sizeof(byte*));
            for (var i = 0; i < _count; i++)
            {
                var bytes = Encoding.UTF8.GetBytes(values[i]);
                Pointer[i] = (byte*)NativeMemory.AllocZeroed((nuint)bytes.Length + 1);
                bytes.CopyTo(new Span<byte>(Pointer[i], bytes.Length));
            }
        }

        public byte** Pointer { get; }

        public void Dispose()
        {
            for (var i = 0; i < _count; i++)
            {
                NativeMemory.Free(Pointer[i]);
            }

            NativeMemory.Free(Pointer);
        }
    }
}
