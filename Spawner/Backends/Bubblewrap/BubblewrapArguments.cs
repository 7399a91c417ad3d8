using System.Globalization;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>
/// The arguments of bwrap(1). All but the agent's command are given to it in a file: the environment is among them, and
/// a command line can be read by every user of the machine.
/// </summary>
internal static class BubblewrapArguments
{
    public const string Workspace = "/workspace";
    public const string Image = "/image";
    public const string Sockets = "/run/agent";
    public const string Config = "/run/config.json";

    /// <summary>The folder of <see cref="SandboxFiles"/>.</summary>
    public const string Files = "/run/kernel";

    public const string Perl = "/usr/bin/perl";

    // Descriptors that a shell opens before it becomes bwrap.
    public const int FilterDescriptor = 3;
    public const int StatusDescriptor = 4;
    public const int ConfigDescriptor = 5;
    public const int ArgumentsDescriptor = 6;

    private const int User = 1000;
    private const int TemporaryBytes = 512 * 1024 * 1024; // of memory, as all of a tmpfs
    private const int SharedMemoryBytes = 64 * 1024 * 1024;

    // The first process of the sandbox. As such it takes no notice of a signal that is for the agent's group; when it exits,
    // as soon as the agent has, the system kills all others. It says nothing of how its child ended: its exit code does.
    private const string FirstProcess =
        "exec 3>&2 2>/dev/null; f=$1; shift; [ -z \"$f\" ] || PERL5OPT= PERL5LIB= " + Perl + " " + Files + "/" + SandboxFiles.Forwarder
        + " $f 2>&3 3>&- || exit 1; (exec \"$@\" 2>&3 3>&-); exit $?";

    /// <summary>What bwrap reads from the file, each argument ended by a null character.</summary>
    public static string ForFile(SandboxPlan plan) => string.Concat(Options(plan).Select(argument => argument + '\0'));

    /// <summary>What stands on the command line.</summary>
    public static IReadOnlyList<string> ForCommandLine(SandboxPlan plan) =>
        ["--args", Text(ArgumentsDescriptor), "--", "/bin/sh", "-c", FirstProcess, "init", string.Join(' ', plan.Forwards), .. plan.Command];

    private static IEnumerable<string> Options(SandboxPlan plan) =>
    [
        "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup",
        .. plan.HostNetwork ? Array.Empty<string>() : ["--unshare-net"],
        "--uid", Text(User), "--gid", Text(User), "--hostname", "agent",
        "--new-session", "--as-pid-1", "--cap-drop", "ALL",
        "--seccomp", Text(FilterDescriptor), "--json-status-fd", Text(StatusDescriptor),
        "--clearenv", .. plan.Environment.SelectMany(variable => new[] { "--setenv", variable.Key, variable.Value }),
        .. plan.Links.SelectMany(link => new[] { "--symlink", link.Source, link.Target }),
        .. plan.ReadOnly.SelectMany(bind => new[] { "--ro-bind", bind.Source, bind.Target }),
        .. SandboxFiles.Settings.SelectMany(name => new[] { "--symlink", $"..{Files}/{name}", $"/etc/{name}" }),
        "--ro-bind-data", Text(ConfigDescriptor), Config,
        "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys",
        "--dev", "/dev", "--size", Text(SharedMemoryBytes), "--tmpfs", "/dev/shm", "--remount-ro", "/dev",
        "--size", Text(TemporaryBytes), "--tmpfs", "/tmp",
        .. plan.Writable.SelectMany(bind => new[] { "--bind", bind.Source, bind.Target }),
        "--remount-ro", "/", "--chdir", Workspace,
    ];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
