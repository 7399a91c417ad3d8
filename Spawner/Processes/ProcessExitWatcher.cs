using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace AgentKernel.Spawner.Processes;

/// <summary>
/// Tells when processes end, children of this one and others alike: one thread waits on their process descriptors
/// (pidfd_open(2), readable once the process has ended), so nothing polls. A child is reaped as it ends.
/// </summary>
internal sealed class ProcessExitWatcher : IDisposable
{
    // struct epoll_event is packed on x86-64 (12 bytes, data at 4) and aligned elsewhere (16 bytes, data at 8).
    private static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int EventDataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;

    private const int StopKey = -1;
    private readonly ConcurrentDictionary<int, Watched> _watched = new();
    private readonly SafeFileHandle _epoll = Owned(NativeMethods.EpollCreate(NativeMethods.EpollCloseOnExec));
    private readonly SafeFileHandle _stop = Owned(NativeMethods.EventFd(0, NativeMethods.EventFdCloseOnExec));
    private readonly Thread _thread;
    private int _lastKey;

    public ProcessExitWatcher()
    {
        Add(_stop, StopKey);
        _thread = new Thread(Run) { IsBackground = true, Name = "process exits" };
        _thread.Start();
    }

    /// <summary>A task that completes when the process ends; at once where it is gone already.</summary>
    /// <exception cref="IOException">The system has no descriptor left to watch it with.</exception>
    public Task WatchAsync(int pid) => Register(pid, out _);

    /// <summary>A task that completes when this very process has ended; at once where its id is another's by now.</summary>
    /// <exception cref="IOException">The system has no descriptor left to watch it with.</exception>
    public Task WatchAsync(ProcessIdentity process)
    {
        bool StillThere() => ProcessStat.Read(process.Pid)?.StartTime == process.StartTime; // or its remains, to be reaped

        if (!StillThere())
        {
            return Task.CompletedTask;
        }

        // Looked at twice: the id may have passed to another process before the descriptor pinned it down.
        var ended = Register(process.Pid, out var key);
        if (ended.IsCompleted || StillThere())
        {
            return ended;
        }

        Forget(key);
        return Task.CompletedTask;
    }

    /// <summary>Stops watching. Tasks of processes that still run never complete.</summary>
    public void Dispose()
    {
        if (_epoll.IsClosed)
        {
            return;
        }

        _ = NativeMethods.EventFdWrite(_stop, 1);
        _thread.Join();
        foreach (var watched in _watched.Values)
        {
            watched.Descriptor.Dispose();
        }

        _epoll.Dispose();
        _stop.Dispose();
    }

    private unsafe void Run()
    {
        const int capacity = 32;
        byte* events = stackalloc byte[EventSize * capacity];
        while (true)
        {
            var count = NativeMethods.EpollWait(_epoll, events, capacity, timeoutMilliseconds: -1); // -1: interrupted, wait again
            for (var i = 0; i < count; i++)
            {
                var key = BinaryPrimitives.ReadInt32LittleEndian(new ReadOnlySpan<byte>(events + (i * EventSize) + EventDataOffset, sizeof(int)));
                if (key == StopKey)
                {
                    return;
                }

                // Whoever takes it out of the dictionary has its descriptor to himself: a caller may forget it at this moment.
                if (_watched.TryRemove(key, out var watched))
                {
                    // By its descriptor, as its id may be another's by now. Reaping one that is not our child fails, as it should.
                    _ = NativeMethods.WaitId(NativeMethods.WaitByPidFd, watched.Descriptor, 0, NativeMethods.WaitExited | NativeMethods.WaitNoHang);
                    watched.Descriptor.Dispose();
                    watched.Ended.SetResult();
                }
            }
        }
    }

    private Task Register(int pid, out int key)
    {
        key = Interlocked.Increment(ref _lastKey);
        var descriptor = NativeMethods.SystemCall(NativeMethods.SysPidFdOpen, pid, 0);
        if (descriptor < 0)
        {
            return Marshal.GetLastPInvokeError() == NativeMethods.NoSuchProcess
                ? Task.CompletedTask
                : throw new IOException($"process {pid} cannot be watched: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        var watched = new Watched(new SafeFileHandle(descriptor, ownsHandle: true), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        _watched[key] = watched;
        try
        {
            Add(watched.Descriptor, key);
        }
        catch
        {
            Forget(key);
            throw;
        }

        return watched.Ended.Task;
    }

    // Closing the descriptor takes it out of the epoll set.
    private void Forget(int key)
    {
        if (_watched.TryRemove(key, out var watched))
        {
            watched.Descriptor.Dispose();
        }
    }

    private unsafe void Add(SafeFileHandle descriptor, int key)
    {
        var epollEvent = stackalloc byte[EventSize];
        new Span<byte>(epollEvent, EventSize).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(new Span<byte>(epollEvent, sizeof(uint)), NativeMethods.EpollIn);
        BinaryPrimitives.WriteInt32LittleEndian(new Span<byte>(epollEvent + EventDataOffset, sizeof(int)), key);
        if (NativeMethods.EpollControl(_epoll, NativeMethods.EpollControlAdd, descriptor, epollEvent) != 0)
        {
            throw new IOException($"a process cannot be watched: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    private static SafeFileHandle Owned(int descriptor) => descriptor >= 0
        ? new SafeFileHandle(descriptor, ownsHandle: true)
        : throw new Win32Exception(Marshal.GetLastPInvokeError());

    private sealed record Watched(SafeFileHandle Descriptor, TaskCompletionSource Ended);
}
