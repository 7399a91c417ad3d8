using System.Globalization;
using System.Text;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>
/// The way from the kernel's user to bwrap: the files it reads, and the command that opens them and becomes it.
/// </summary>
/// <remarks>
/// Started by root, bwrap runs as the agent's own user, who cannot enter the folders of root that a sandbox is made of.
/// So before that, in a mount namespace that ends with the sandbox, these folders are bound where everybody can go.
/// </remarks>
internal sealed class SandboxLaunch
{
    public const string Unshare = "/usr/bin/unshare";
    public const string Mount = "/usr/bin/mount";
    public const string SetPriv = "/usr/bin/setpriv";

    private const string ArgumentsFile = "sandbox.args";
    private const string MountsFile = "sandbox.mounts";

    /// <summary>The name of the file in the agent's folder that bwrap writes its state to.</summary>
    public const string StatusFile = "sandbox.status";

    // $0 is the filter, $1 the agent's folder, and what follows the rest of the way.
    private const string Open = $"""f=$1; shift; exec 3<"$0" 4>"$f"/{StatusFile} 5<"$f"/config.json 6<"$f"/{ArgumentsFile}""";
    private const string Script = $"""{Open}; exec "$@" """;
    private const string ScriptOfRoot = $"""{Open}; {Mount} --all --fstab "$f"/{MountsFile} && exec "$@" """;

    // Every system has these (Filesystem Hierarchy Standard). What lies below the one chosen is out of sight of the launch.
    private static readonly string[] Meetings = ["/mnt", "/media", "/srv", "/opt"];

    private readonly List<string> _folders = [];
    private readonly SandboxPlan _plan;
    private readonly SandboxUser _user;
    private readonly string _meeting;

    public SandboxLaunch(SandboxPlan plan, SandboxUser user)
    {
        string[] sources = [.. plan.ReadOnly.Concat(plan.Writable).Select(bind => bind.Source)];
        _user = user;
        _meeting = !user.Apart ? "" : Array.Find(Meetings, folder => Directory.Exists(folder) && !Array.Exists(sources, source => SandboxRoot.Contains(folder, source)))
            ?? throw new AgentStartException($"none of {string.Join(", ", Meetings)} is there and free of what the sandbox is made of");
        _plan = plan with { ReadOnly = Reachable(plan.ReadOnly), Writable = Reachable(plan.Writable) };
    }

    /// <summary>The path of the arguments' file, which holds the agent's environment and is of no use once it runs.</summary>
    public static string ArgumentsPath(string folder) => Path.Combine(folder, ArgumentsFile);

    /// <summary>Writes into the agent's folder what the command reads.</summary>
    public void Write(string folder)
    {
        File.Delete(Path.Combine(folder, StatusFile)); // of an earlier start
        DataDirectory.WriteAtomically(ArgumentsPath(folder), Encoding.UTF8.GetBytes(BubblewrapArguments.ForFile(_plan)));
        if (_user.Apart)
        {
            var mounts = _folders.Select((source, index) => $"{Escape(source)} {_meeting}/{index} none bind,X-mount.mkdir 0 0\n");
            DataDirectory.WriteAtomically(
                Path.Combine(folder, MountsFile), Encoding.UTF8.GetBytes($"agentkernel {_meeting} tmpfs mode=755,size=64k 0 0\n{string.Concat(mounts)}"));
        }
    }

    /// <param name="bubblewrap">The path of bwrap.</param>
    /// <param name="filter">The path of the system call filter.</param>
    public IReadOnlyList<string> Command(string bubblewrap, string filter, string folder) =>
    [
        .. _user.Apart ? [Unshare, "--mount", "--propagation", "private"] : Array.Empty<string>(),
        "/bin/sh", "-c", _user.Apart ? ScriptOfRoot : Script, filter, folder,
        .. Become(_user), bubblewrap, .. BubblewrapArguments.ForCommandLine(_plan),
    ];

    /// <summary>The words before a command that run it as another user.</summary>
    public static IReadOnlyList<string> Become(SandboxUser user) => !user.Apart ? [] :
    [
        SetPriv, "--reuid", user.User.ToString(CultureInfo.InvariantCulture), "--regid", user.Group.ToString(CultureInfo.InvariantCulture), "--clear-groups", "--",
    ];

    // What the system has for all is where it was; the folder of anything else goes to the meeting place.
    private IReadOnlyList<Bind> Reachable(IReadOnlyList<Bind> binds) => !_user.Apart ? binds : [.. binds.Select(bind =>
    {
        if (SandboxRoot.IsOfSystem(bind.Source) || SandboxRoot.Contains("/etc", bind.Source))
        {
            return bind;
        }

        var isFolder = Directory.Exists(bind.Source);
        var folder = isFolder ? bind.Source : Path.GetDirectoryName(bind.Source)!; // a file has a folder
        if (!_folders.Contains(folder))
        {
            _folders.Add(folder);
        }

        var met = $"{_meeting}/{_folders.IndexOf(folder)}";
        return bind with { Source = isFolder ? met : $"{met}/{Path.GetFileName(bind.Source)}" };
    })];

    // fstab(5): fields are set apart by blanks, and what would be taken for one is written in octal.
    private static string Escape(string path) =>
        path.Replace("\\", "\\134", StringComparison.Ordinal).Replace(" ", "\\040", StringComparison.Ordinal)
            .Replace("\t", "\\011", StringComparison.Ordinal).Replace("\n", "\\012", StringComparison.Ordinal);
}
