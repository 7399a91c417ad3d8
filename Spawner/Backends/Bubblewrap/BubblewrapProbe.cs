using System.Globalization;
using System.Runtime.InteropServices;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>Looks whether sandboxes can be made here, by making an empty one.</summary>
internal static class BubblewrapProbe
{
    private const string Timeout = "/usr/bin/timeout";
    private const string Remedy =
        "let ordinary users make user namespaces, as root: sysctl -w user.max_user_namespaces=10000, on Debian also kernel.unprivileged_userns_clone=1, "
        + "on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0";

    /// <summary>Where bwrap is; null where it is not installed.</summary>
    public static string? Find() =>
        (Environment.GetEnvironmentVariable("PATH") ?? SandboxEnvironment.Path).Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Where(Path.IsPathRooted).Select(folder => Path.Combine(folder, "bwrap")).FirstOrDefault(File.Exists);

    public static BackendProbe Run()
    {
        if (SystemCalls.Of(RuntimeInformation.ProcessArchitecture) is null)
        {
            return new(false, $"there is no system call filter for {RuntimeInformation.ProcessArchitecture}; there is one for X64 and Arm64");
        }

        if (Find() is not { } bubblewrap)
        {
            return new(false, "bubblewrap is not installed; as root: apt-get install bubblewrap");
        }

        var user = SandboxUser.Of("ffffffff");
        string[] wanted = [Timeout, .. user.Apart ? [SandboxLaunch.Unshare, SandboxLaunch.Mount, SandboxLaunch.SetPriv] : Array.Empty<string>()];
        if ((ShimmedProcess.Missing() ?? Array.Find(wanted, program => !File.Exists(program))) is { } missing)
        {
            return new(false, $"{missing} is not installed; it is in Debian's packages coreutils, util-linux and mount");
        }

        if (!File.Exists(BubblewrapArguments.Perl))
        {
            return new(false, $"{BubblewrapArguments.Perl} is not installed, which carries agents' connections; as root: apt-get install perl-base");
        }

        var (output, code) = Try(bubblewrap, user);
        return code == 0
            ? new(true, $"sandboxes of {output}, each {(user.Apart ? "under a user id of its own" : "under this user's id")}: no files, processes or network of the machine but what the agent is given")
            : new(false, $"a sandbox cannot be made ({output}); {Remedy}");
    }

    private static (string Output, int Code) Try(string bubblewrap, SandboxUser user)
    {
        const string script = """{ "$0" --version && "$@"; } 2>&1; echo $?""";
        var (read, write) = ProcessLauncher.CreatePipe();
        using var stream = new FileStream(read, FileAccess.Read, bufferSize: 0);
        int pid;
        using (write)
        {
            string[] sandbox =
            [
                bubblewrap, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup", "--unshare-net", "--new-session",
                "--uid", "1000", "--gid", "1000", "--as-pid-1", "--cap-drop", "ALL", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--size", "65536", "--tmpfs", "/tmp",
                "--", "/bin/true",
            ];
            string[] isolated = user.Apart ? [SandboxLaunch.Unshare, "--mount", "--propagation", "private", .. SandboxLaunch.Become(user)] : [];
            pid = ProcessLauncher.Start(new("/bin/sh", ["-c", script, bubblewrap, Timeout, "10", .. isolated, .. sandbox], new Dictionary<string, string>(), "/", StandardOutput: write));
        }

        using var reader = new StreamReader(stream);
        var lines = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        _ = NativeMethods.WaitPid(pid, out _, 0);
        return (string.Join("; ", lines.SkipLast(1)), int.Parse(lines[^1], CultureInfo.InvariantCulture));
    }
}
