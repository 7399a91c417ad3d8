using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>What an agent that means ill tries from inside a real sandbox. Everything must fail.</summary>
public sealed class EscapeTests : IAsyncDisposable
{
    private const string Treasure = "the-treasure-of-the-host";

    private readonly BubblewrapFixture _bubblewrap = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _bubblewrap.DisposeAsync();

    [Theory]
    [InlineData("/etc/shadow")]
    [InlineData("/etc/sudoers")]
    [InlineData("/etc/hostname")]
    [InlineData("/etc/machine-id")]
    [InlineData("/root")]
    [InlineData("/home")]
    [InlineData("/var/log")]
    [InlineData("/var/lib")]
    [InlineData("/boot")]
    [InlineData("/sys/class/net")]
    [InlineData("/sys/fs/cgroup")]
    [InlineData("/proc/1/root/etc/shadow")]
    [InlineData("/proc/self/root/etc/shadow")]
    [InlineData("/proc/2/cwd/../../etc/shadow")]
    [InlineData("/workspace/../etc/shadow")]
    [InlineData("/run/kernel/../../etc/shadow")]
    [InlineData("/proc/kcore")]
    [InlineData("/proc/sysrq-trigger")]
    [InlineData("/dev/mem")]
    [InlineData("/dev/kmsg")]
    [InlineData("/dev/vda")]
    [InlineData("/dev/sda")]
    [InlineData("/run/systemd")]
    [InlineData("/run/docker.sock")]
    [InlineData("/oldroot")]
    [InlineData("/mnt")]
    public async Task Read_OfAFileOfTheHost_Fails(string path)
    {
        await RefusedAsync($"ls {path}/ >/dev/null || cat {path} >/dev/null");
        await RefusedAsync($"ln -s {path} /workspace/link && {{ ls /workspace/link/ >/dev/null || cat /workspace/link >/dev/null; }}");
    }

    [Fact]
    public async Task Read_OfWhatTheKernelKeeps_Fails()
    {
        var other = _bubblewrap.Spec(ShellAgent.Type("ready; released"));
        var agent = await _bubblewrap.NewKernel().StartAsync(other, Cancellation);
        var places = new[] { _bubblewrap.Home.Directory.Combine("operator-token"), Path.Combine(other.Folder, "config.json"), Path.Combine(other.Folder, "workspace", "note"), Path.Combine(Path.GetTempPath(), $"{other.AgentId}.txt") };
        try
        {
            foreach (var place in places)
            {
                await File.WriteAllTextAsync(place, Treasure, Cancellation);
                await RefusedAsync($"cat '{place}' || cat /proc/1/root'{place}'");
            }

            // Wherever it might have come in.
            Assert.DoesNotContain(Treasure, await SayAsync("grep -rs the-treasure / --exclude-dir=usr --exclude-dir=proc; cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'"), StringComparison.Ordinal);
            await RefusedAsync($"perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un(\"{agent.Endpoint.UnixSocket}\")) or exit 1'");
        }
        finally
        {
            File.Delete(places[^1]);
            await agent.StopAsync(TimeSpan.FromSeconds(30));
        }
    }

    [Fact]
    public async Task Write_OutsideOfItsOwn_Fails()
    {
        var writable = await SayAsync("find / -path /proc -prune -o -path /usr -prune -o -writable -not -type l -not -type s -not -type p -print | sort");
        // Its own: two folders, memory, terminals, the socket's folder; and devices that hold nothing.
        string[] own =
        [
            "/dev/full", "/dev/null", "/dev/ptmx", "/dev/pts", "/dev/pts/ptmx", "/dev/random", "/dev/shm", "/dev/tty", "/dev/urandom", "/dev/zero",
            "/run/agent", "/tmp", "/workspace",
        ];
        Assert.Equal([], writable.Split('\n').Except(own, StringComparer.Ordinal));
        foreach (var path in new[] { "/x", "/usr/x", "/usr/bin/x", "/etc/x", "/etc/passwd", "/opt/x", "/run/x", "/run/kernel/x", "/run/kernel/filter", "/run/config.json", "/dev/x", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/proc/1/mem" })
        {
            if (path != "/proc/1/mem") // its own first process, whose end is its own
            {
                await RefusedAsync($"echo '' >>{path}");
            }
        }

        await RefusedAsync("chmod 777 / || chmod 777 /etc || chmod 777 /run/kernel || mv /etc /etc2 || rm -f /run/config.json");
    }

    [Fact]
    public async Task Processes_OfTheHost_CannotBeSeenOrSignalled()
    {
        using var watcher = new ProcessExitWatcher();
        var victim = ProcessLauncher.Start(new("/bin/sleep", ["1000"], new Dictionary<string, string>(), "/"));
        var ends = watcher.WatchAsync(victim);
        try
        {
            var seen = await SayAsync("ls /proc | grep -E '^[0-9]+$' | sort -n | tail -1; ps -e -o comm= | sort -u | tr '\\n' ' '");
            Assert.InRange(int.Parse(seen.Split('\n')[0], CultureInfo.InvariantCulture), 2, 100);
            Assert.DoesNotContain("sleep", seen, StringComparison.Ordinal);
            await RefusedAsync($"kill -9 {victim}");
            await SayAsync("kill -9 -1; ready");
            Assert.False(ends.IsCompleted);
        }
        finally
        {
            _ = NativeMethods.Kill(victim, NativeMethods.SigKill);
            await Waiting.ForAsync(ends, "the victim's end", () => "");
        }
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    [InlineData("[::1]")]
    [InlineData("169.254.169.254")]
    [InlineData("10.0.0.1")]
    [InlineData("192.168.0.1")]
    [InlineData("1.1.1.1")]
    [InlineData("example.com")]
    public async Task Network_WithoutTheProxy_IsNotThere(string host)
    {
        _ = Machine.Program("curl");
        using var listener = new TcpListener(IPAddress.IPv6Any, 0) { Server = { DualMode = true } };
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await RefusedAsync($"curl -s -m 10 --noproxy '*' http://{host}:{port}/");
        Assert.False(listener.Pending());
        Assert.DoesNotContain("scope global", await SayAsync("cat /proc/net/route /proc/net/if_inet6 /proc/net/dev"), StringComparison.Ordinal);
    }

    // The numbers of x86-64 and aarch64; -1 where the architecture has no such call.
    [Theory]
    [InlineData("mount", 165, 40)]
    [InlineData("umount2", 166, 39)]
    [InlineData("pivot_root", 155, 41)]
    [InlineData("chroot", 161, 51)]
    [InlineData("open_tree", 428, 428)]
    [InlineData("fsopen", 430, 430)]
    [InlineData("mount_setattr", 442, 442)]
    [InlineData("ptrace", 101, 117)]
    [InlineData("process_vm_readv", 310, 270)]
    [InlineData("process_vm_writev", 311, 271)]
    [InlineData("pidfd_getfd", 438, 438)]
    [InlineData("add_key", 248, 217)]
    [InlineData("request_key", 249, 218)]
    [InlineData("keyctl", 250, 219)]
    [InlineData("bpf", 321, 280)]
    [InlineData("perf_event_open", 298, 241)]
    [InlineData("kexec_load", 246, 104)]
    [InlineData("kexec_file_load", 320, 294)]
    [InlineData("init_module", 175, 105)]
    [InlineData("finit_module", 313, 273)]
    [InlineData("delete_module", 176, 106)]
    [InlineData("userfaultfd", 323, 282)]
    [InlineData("io_uring_setup", 425, 425)]
    [InlineData("io_uring_enter", 426, 426)]
    [InlineData("io_uring_register", 427, 427)]
    [InlineData("unshare", 272, 97)]
    [InlineData("setns", 308, 268)]
    [InlineData("open_by_handle_at", 304, 265)]
    [InlineData("reboot", 169, 142)]
    [InlineData("swapon", 167, 224)]
    [InlineData("syslog", 103, 116)]
    [InlineData("acct", 163, 89)]
    [InlineData("clock_settime", 227, 112)]
    [InlineData("iopl", 172, -1)]
    [InlineData("modify_ldt", 154, -1)]
    public async Task SystemCall_ThatDigsAtTheWall_IsRefused(string name, int x64, int arm64)
    {
        var number = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 ? arm64 : x64;
        Assert.SkipWhen(number < 0, $"there is no {name} on this machine");
        // Of wrong arguments the kernel itself would complain in other ways (EFAULT, EINVAL, EBADF).
        Assert.Equal($"{name} 1", await SayAsync($"perl -e 'syscall({number}, -1, -1, -1, -1, -1); print \"{name} \", $!+0'"));
    }

    [Fact]
    public async Task SystemCalls_ByOtherWays_AreRefusedToo()
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture is Architecture.X64, "the numbers are those of x86-64");
        Assert.Equal("38", await SayAsync("perl -e 'syscall(435, 0, 0); print $!+0'")); // clone3: its flags cannot be looked at
        Assert.Equal("1", await SayAsync("perl -e 'syscall(56, 0x10000000 | 17, 0, 0, 0, 0); print $!+0'")); // clone with CLONE_NEWUSER
        Assert.Equal("1", await SayAsync("perl -e 'syscall(0x40000000 + 39); print $!+0'")); // getpid of the x32 ABI
        Assert.Equal("97", await SayAsync("perl -e 'syscall(41, 40, 1, 0); print $!+0'")); // AF_VSOCK
        Assert.Equal("97", await SayAsync("perl -e 'syscall(41, 17, 3, 0); print $!+0'")); // AF_PACKET
        Assert.Equal("1 1", await SayAsync("perl -e 'my $k = \"x\"; ioctl(STDIN, 0x5412, $k); print $!+0, \" \"; ioctl(STDIN, 0x541c, $k); print $!+0'")); // TIOCSTI, TIOCLINUX
        Assert.Equal("1", await SayAsync("perl -e 'my $k = \"x\"; syscall(16, 0, 0x100005412, $k); print $!+0'")); // TIOCSTI with bits that the kernel drops
    }

    [Theory]
    [InlineData("mount -t tmpfs none /tmp")]
    [InlineData("unshare --user true")]
    [InlineData("unshare --mount --user --map-root-user true")]
    [InlineData("bwrap --ro-bind / / true")]
    [InlineData("insmod /dev/null")]
    [InlineData("sysctl -w kernel.core_pattern=x")]
    [InlineData("hostname elsewhere")]
    [InlineData("chroot / true")]
    [InlineData("su -c true")]
    [InlineData("mknod /tmp/disk b 254 0")]
    [InlineData("ip link add dummy0 type dummy")]
    [InlineData("nice -n -5 true 2>&1 | grep -v 'cannot set'")]
    public async Task Command_ThatWantsPower_Fails(string command) => await RefusedAsync(command);

    [Fact]
    public async Task Rights_OfAnAgent_AreNone()
    {
        var status = await SayAsync("cat /proc/self/status");
        Assert.Contains("NoNewPrivs:\t1", status, StringComparison.Ordinal);
        Assert.Contains("Seccomp:\t2", status, StringComparison.Ordinal);
        foreach (var set in new[] { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" })
        {
            Assert.Contains($"{set}:\t0000000000000000", status, StringComparison.Ordinal);
        }

        var spec = _bubblewrap.Spec(ShellAgent.Type("ready; released"));
        var agent = await _bubblewrap.NewKernel().StartAsync(spec, Cancellation);
        var seen = (await File.ReadAllLinesAsync($"/proc/{agent.Status["pid"]}/status", Cancellation)).First(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1];
        Assert.NotEqual("0", seen); // as the host knows it
        Assert.Equal("0", await SayAsync("ls /proc/self/fd | sort -n | tail -n +5 | wc -l")); // standard streams and the folder itself
        await agent.StopAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Kill_OfOneThatHides_LeavesNothing()
    {
        // Leaves its group and session, forgets its environment and thereby the mark, ignores signals, and forks on.
        var seconds = Random.Shared.Next(100_000_000, 999_999_999).ToString(CultureInfo.InvariantCulture);
        var spec = _bubblewrap.Spec(ShellAgent.Type(
            $"trap '' TERM INT HUP; env -i setsid sh -c 'trap \"\" TERM; while :; do setsid sleep {seconds} & sleep {seconds}; done' & env -i setsid setsid sleep {seconds} & sleep 0.2; ready; released"));
        var agent = await _bubblewrap.NewKernel().StartAsync(spec, Cancellation);
        Assert.NotEmpty(Sleepers());
        await agent.StopAsync(TimeSpan.FromMilliseconds(50));
        Assert.Empty(Sleepers());
        Assert.Empty(_bubblewrap.Leftovers(spec));

        string[] Sleepers() => [.. Directory.EnumerateFiles("/proc", "cmdline", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1, IgnoreInaccessible = true }).Where(file => Read(file).Contains(seconds, StringComparison.Ordinal))];
    }

    // What a command prints, both streams, inside a sandbox of its own.
    private Task<string> SayAsync(string command) => _bubblewrap.RunAsync(_bubblewrap.Spec(ShellAgent.Type($"ready; released; {{ {command}\n}} 2>&1")));

    private async Task RefusedAsync(string command)
    {
        var said = await SayAsync($"if {{ {command}\n}}; then echo escaped; else echo held; fi");
        Assert.True(said.EndsWith("held", StringComparison.Ordinal), $"{command}: {said}");
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return ""; // it has ended
        }
    }
}
