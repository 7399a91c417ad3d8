using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>
/// The system calls that a sandboxed program may make, as a classic BPF program (seccomp(2), struct sock_filter, little
/// endian). What is not named is allowed: bubblewrap's namespaces are the wall, and this takes away the tools to dig at it.
/// </summary>
internal static class SeccompFilter
{
    private const int NotPermitted = 1; // EPERM
    private const int NoSystemCall = 38; // ENOSYS: C libraries fall back from clone3 to clone, whose flags can be looked at
    private const int NoSuchFamily = 97; // EAFNOSUPPORT
    private const uint Allow = 0x7fff0000;
    private const uint Kill = 0x80000000;
    private const uint Error = 0x00050000;

    private const ushort Load = 0x20; // BPF_LD | BPF_W | BPF_ABS
    private const ushort JumpEqual = 0x15;
    private const ushort JumpAtLeast = 0x35;
    private const ushort JumpAny = 0x45; // BPF_JSET
    private const ushort Return = 0x06;

    // struct seccomp_data; of an argument, the lower half.
    private const uint NumberAt = 0, ArchitectureAt = 4, FirstArgumentAt = 16, SecondArgumentAt = 24;

    private const uint X32 = 0x40000000;
    private const uint NewNamespaces = 0x7e020000; // CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
    private const uint Clone3 = 435;
    private const uint PutKeystroke = 0x5412, SelectConsole = 0x541c; // TIOCSTI, TIOCLINUX
    private static readonly uint[] Families = [1, 2, 10, 16]; // unix, inet, inet6, netlink; above all not vsock, which no namespace holds

    /// <summary>The program for this machine.</summary>
    public static byte[] Build() => Build(SystemCalls.Of(RuntimeInformation.ProcessArchitecture)
        ?? throw new PlatformNotSupportedException($"there is no filter for {RuntimeInformation.ProcessArchitecture}"));

    public static byte[] Build(SystemCalls calls)
    {
        var program = new List<Instruction>
        {
            new(Load, ArchitectureAt),
            new(JumpEqual, calls.Architecture, 1, 0),
            new(Return, Kill),
            new(Load, NumberAt),
            new(JumpAtLeast, X32, 0, 1),
            new(Return, Error | NotPermitted),
            new(JumpEqual, Clone3, 0, 1),
            new(Return, Error | NoSystemCall),
        };
        foreach (var number in calls.Denied)
        {
            program.Add(new(JumpEqual, number, 0, 1));
            program.Add(new(Return, Error | NotPermitted));
        }

        program.AddRange(
        [
            new(JumpEqual, calls.CloneCall, 0, 4),
            new(Load, FirstArgumentAt),
            new(JumpAny, NewNamespaces, 0, 1),
            new(Return, Error | NotPermitted),
            new(Return, Allow),
            new(JumpEqual, calls.IoControl, 0, 5),
            new(Load, SecondArgumentAt),
            new(JumpEqual, PutKeystroke, 1, 0),
            new(JumpEqual, SelectConsole, 0, 1),
            new(Return, Error | NotPermitted),
            new(Return, Allow),
            new(JumpEqual, calls.Socket, 0, (byte)(Families.Length + 2)),
            new(Load, FirstArgumentAt),
            .. Families.Select((family, index) => new Instruction(JumpEqual, family, (byte)(Families.Length - index), 0)),
            new(Return, Error | NoSuchFamily),
            new(Return, Allow),
        ]);

        var bytes = new byte[program.Count * 8];
        for (var i = 0; i < program.Count; i++)
        {
            var (code, operand, whenTrue, whenFalse) = program[i];
            var at = bytes.AsSpan(i * 8);
            BinaryPrimitives.WriteUInt16LittleEndian(at, code);
            (at[2], at[3]) = (whenTrue, whenFalse);
            BinaryPrimitives.WriteUInt32LittleEndian(at[4..], operand);
        }

        return bytes;
    }

    /// <param name="WhenTrue">How many instructions a jump that holds passes over.</param>
    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Instruction(ushort Code, uint Operand, byte WhenTrue = 0, byte WhenFalse = 0);
}
