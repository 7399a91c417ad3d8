using System.Runtime.InteropServices;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>The numbers of the system calls that the filter knows, of one architecture (Linux, asm/unistd.h).</summary>
/// <param name="Architecture">AUDIT_ARCH_… of linux/audit.h.</param>
/// <param name="Denied">Refused whatever their arguments.</param>
internal sealed record SystemCalls(uint Architecture, uint CloneCall, uint IoControl, uint Socket, IReadOnlyList<uint> Denied)
{
    // Numbered the same everywhere: io_uring (425 to 427), open_tree, move_mount, fsopen, fsconfig, fsmount, fspick
    // (428 to 433), pidfd_getfd, mount_setattr, quotactl_fd, open_tree_attr.
    private static readonly uint[] Common = [425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442, 443, 467];

    /// <summary>Null for a machine that has no filter yet.</summary>
    public static SystemCalls? Of(Architecture architecture) => architecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => X64,
        System.Runtime.InteropServices.Architecture.Arm64 => Arm64,
        _ => null,
    };

    public static SystemCalls X64 { get; } = new(0xc000003e, CloneCall: 56, IoControl: 16, Socket: 41,
    [
        101, // ptrace
        103, // syslog
        134, 153, 154, 156, // uselib, vhangup, modify_ldt, _sysctl
        155, 161, 165, 166, // pivot_root, chroot, mount, umount2
        163, 164, 159, 227, 305, // acct, settimeofday, adjtimex, clock_settime, clock_adjtime
        167, 168, 169, 170, 171, 172, 173, // swapon, swapoff, reboot, sethostname, setdomainname, iopl, ioperm
        174, 175, 176, 177, 178, 313, // create_module, init_module, delete_module, get_kernel_syms, query_module, finit_module
        179, 180, 212, // quotactl, nfsservctl, lookup_dcookie
        246, 320, // kexec_load, kexec_file_load
        248, 249, 250, // add_key, request_key, keyctl
        272, 308, // unshare, setns
        298, 321, 323, // perf_event_open, bpf, userfaultfd
        304, 310, 311, 312, // open_by_handle_at, process_vm_readv, process_vm_writev, kcmp
        .. Common,
    ]);

    public static SystemCalls Arm64 { get; } = new(0xc00000b7, CloneCall: 220, IoControl: 29, Socket: 198,
    [
        117, // ptrace
        116, 18, 58, // syslog, lookup_dcookie, vhangup
        39, 40, 41, 51, // umount2, mount, pivot_root, chroot
        89, 112, 170, 171, 266, // acct, clock_settime, settimeofday, adjtimex, clock_adjtime
        224, 225, 142, 161, 162, // swapon, swapoff, reboot, sethostname, setdomainname
        105, 106, 273, // init_module, delete_module, finit_module
        42, 60, // nfsservctl, quotactl
        104, 294, // kexec_load, kexec_file_load
        217, 218, 219, // add_key, request_key, keyctl
        97, 268, // unshare, setns
        241, 280, 282, // perf_event_open, bpf, userfaultfd
        265, 270, 271, 272, // open_by_handle_at, process_vm_readv, process_vm_writev, kcmp
        .. Common,
    ]);
}
