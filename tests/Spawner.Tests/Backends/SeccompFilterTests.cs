using System.Buffers.Binary;
using AgentKernel.Spawner.Backends.Bubblewrap;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>The filter of each architecture, run here as the system would run it: not every machine is at hand.</summary>
public sealed class SeccompFilterTests
{
    private const uint Allowed = 0x7fff0000;
    private const uint Killed = 0x80000000;
    private const uint NotPermitted = 0x00050001;
    private const uint NoSystemCall = 0x00050026;
    private const uint NoSuchFamily = 0x00050061;

    // By name, x86-64 and aarch64 (linux asm/unistd.h).
    public static TheoryData<string, int, int> Refused => new()
    {
        { "mount", 165, 40 }, { "umount2", 166, 39 }, { "pivot_root", 155, 41 }, { "move_mount", 429, 429 }, { "fsopen", 430, 430 },
        { "ptrace", 101, 117 }, { "process_vm_writev", 311, 271 }, { "pidfd_getfd", 438, 438 },
        { "add_key", 248, 217 }, { "request_key", 249, 218 }, { "keyctl", 250, 219 },
        { "bpf", 321, 280 }, { "perf_event_open", 298, 241 }, { "userfaultfd", 323, 282 },
        { "kexec_load", 246, 104 }, { "kexec_file_load", 320, 294 },
        { "init_module", 175, 105 }, { "finit_module", 313, 273 }, { "delete_module", 176, 106 },
        { "io_uring_setup", 425, 425 }, { "io_uring_enter", 426, 426 }, { "io_uring_register", 427, 427 },
        { "unshare", 272, 97 }, { "setns", 308, 268 }, { "open_by_handle_at", 304, 265 },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Call_ThatDigsAtTheWall_IsRefused(string name, int x64, int arm64)
    {
        Assert.True(name.Length > 0);
        Assert.Equal((NotPermitted, NotPermitted), (Run(SystemCalls.X64, (uint)x64), Run(SystemCalls.Arm64, (uint)arm64)));
    }

    [Theory]
    [InlineData(0, 63)] // read
    [InlineData(1, 64)] // write
    [InlineData(59, 221)] // execve
    [InlineData(257, 56)] // openat
    [InlineData(62, 129)] // kill
    [InlineData(202, 98)] // futex
    [InlineData(232, 22)] // epoll_wait, epoll_pwait
    [InlineData(439, 439)] // faccessat2
    public void Call_OfEveryProgram_IsAllowed(uint x64, uint arm64) =>
        Assert.Equal((Allowed, Allowed), (Run(SystemCalls.X64, x64), Run(SystemCalls.Arm64, arm64)));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Arguments_OfSomeCalls_AreLookedAt(bool arm64)
    {
        var calls = arm64 ? SystemCalls.Arm64 : SystemCalls.X64;
        foreach (var space in new uint[] { 0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000 })
        {
            Assert.Equal(NotPermitted, Run(calls, calls.CloneCall, space | 17));
        }

        Assert.Equal(Allowed, Run(calls, calls.CloneCall, 0x003d0f00)); // a thread
        Assert.Equal(NoSystemCall, Run(calls, 435)); // clone3
        Assert.Equal(NotPermitted, Run(calls, calls.IoControl, 0, 0x5412)); // TIOCSTI
        Assert.Equal(NotPermitted, Run(calls, calls.IoControl, 0, 0x541c)); // TIOCLINUX
        Assert.Equal(Allowed, Run(calls, calls.IoControl, 0, 0x5401)); // TCGETS
        Assert.All(new uint[] { 1, 2, 10, 16 }, family => Assert.Equal(Allowed, Run(calls, calls.Socket, family)));
        Assert.All(new uint[] { 17, 38, 40, 44 }, family => Assert.Equal(NoSuchFamily, Run(calls, calls.Socket, family))); // packet, alg, vsock, xdp
    }

    [Fact]
    public void Call_OfAnotherArchitecture_KillsTheProgram()
    {
        Assert.Equal(Killed, Run(SystemCalls.X64, 0, architecture: SystemCalls.Arm64.Architecture));
        Assert.Equal(Killed, Run(SystemCalls.Arm64, 0, architecture: 0x40000028)); // 32-bit arm
        Assert.Equal(NotPermitted, Run(SystemCalls.X64, 0x40000000)); // x32
    }

    // Classic BPF (linux/filter.h), as much of it as the filter uses.
    private static uint Run(SystemCalls calls, uint number, uint first = 0, uint second = 0, uint? architecture = null)
    {
        var data = new byte[64]; // struct seccomp_data
        BinaryPrimitives.WriteUInt32LittleEndian(data, number);
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(4), architecture ?? calls.Architecture);
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(16), first);
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(24), second);
        var program = SeccompFilter.Build(calls);
        uint accumulator = 0;
        for (var at = 0; ; at += 8)
        {
            var (code, operand) = (BinaryPrimitives.ReadUInt16LittleEndian(program.AsSpan(at)), BinaryPrimitives.ReadUInt32LittleEndian(program.AsSpan(at + 4)));
            bool? holds = null;
            switch (code)
            {
                case 0x20:
                    accumulator = BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan((int)operand));
                    break;
                case 0x15:
                    holds = accumulator == operand;
                    break;
                case 0x35:
                    holds = accumulator >= operand;
                    break;
                case 0x45:
                    holds = (accumulator & operand) != 0;
                    break;
                case 0x06:
                    return operand;
                default:
                    throw new InvalidOperationException($"instruction {code:x} is not known");
            }

            at += holds is { } jump ? 8 * program[at + (jump ? 2 : 3)] : 0;
        }
    }
}
