using AgentKernel.AgentBus.Voters.Rules.Shell;

namespace AgentKernel.AgentBus.Voters.Rules;

/// <summary>What a path is to an agent: in its workspace, temporary, someone else's.</summary>
internal sealed class PathScope(string workspace, string home, IReadOnlyDictionary<string, IReadOnlyList<string>> sets)
{
    public const string Outside = "outside";
    public const string WholeWorkspace = "whole-workspace";
    public const string Unknown = "unknown";

    private static readonly string[] s_temporary = ["/tmp/", "/var/tmp/", "/dev/shm/"];
    private static readonly string[] s_harmless = ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/stdin", "/dev/tty", "/dev/full", "/dev/zero", "/dev/random", "/dev/urandom"];

    private readonly Dictionary<string, IReadOnlyList<string>> _sets = sets.ToDictionary(
        set => set.Key, set => (IReadOnlyList<string>)[.. set.Value.Select(pattern => Place(pattern, workspace, home))]);

    public string Workspace => workspace;

    public string Home => home;

    public static bool IsClass(string name) => name is Outside or WholeWorkspace or Unknown;

    public Taint TaintOf(string path) =>
        (IsIn(path, "secrets") ? Taint.Secret : Taint.None) | (IsIn(path, "sensitive") ? Taint.Sensitive : Taint.None);

    /// <param name="name">A class, a set's name, or a pattern.</param>
    public bool IsIn(string path, string name) => name switch
    {
        Outside => IsOutside(path),
        WholeWorkspace => IsWholeWorkspace(path),
        Unknown => !path.StartsWith('/'),
        _ when _sets.TryGetValue(name, out var patterns) => MatchesAny(path, patterns) && !IsExcepted(path, name),
        _ => ShellPath.Matches(path, Place(name, workspace, home)),
    };

    /// <summary>An exception must hold for every file that a glob may mean.</summary>
    private bool IsExcepted(string path, string name) =>
        _sets.TryGetValue("not_" + name, out var exceptions)
        && MatchesAny(path.Replace(ShellValue.Star, ShellValue.Hole).Replace(ShellValue.Question, ShellValue.Hole), exceptions);

    private bool MatchesAny(string path, IReadOnlyList<string> patterns)
    {
        // Everything below a folder of others, such as what find prints.
        var searched = path.Contains(ShellValue.Below, StringComparison.Ordinal) ? ShellPath.KnownFolder(path).TrimEnd('/') + "/" : null;
        foreach (var pattern in patterns)
        {
            if (ShellPath.Matches(path, pattern)
                // A folder of a set stands for what is in it.
                || (pattern.EndsWith("/**", StringComparison.Ordinal) && ShellPath.Matches(path, pattern[..^3]))
                || (searched is not null && !IsBelow(searched, workspace) && pattern.StartsWith(searched, StringComparison.Ordinal)))
            {
                return true;
            }
        }
        return false;
    }

    private static string Place(string pattern, string workspace, string home) =>
        pattern == "~" || pattern.StartsWith("~/", StringComparison.Ordinal) ? home + pattern[1..] : pattern.Replace("{workspace}", workspace, StringComparison.Ordinal);

    private bool IsOutside(string path)
    {
        if (!path.StartsWith('/') || s_harmless.Contains(path) || path.StartsWith("/dev/fd/", StringComparison.Ordinal))
        {
            return false;
        }
        var folder = ShellPath.KnownFolder(path);
        if (IsBelow(folder, workspace))
        {
            return false;
        }
        foreach (var temporary in s_temporary)
        {
            // A named thing there, not all that others have put there.
            if (path.StartsWith(temporary, StringComparison.Ordinal)
                && path[temporary.Length..].Split('/')[0] is var first && first.Any(c => !ShellValue.IsMark(c) && c != '.'))
            {
                return false;
            }
        }
        return true;
    }

    private bool IsWholeWorkspace(string path)
    {
        if (path == workspace)
        {
            return true;
        }
        return path.StartsWith(workspace + "/", StringComparison.Ordinal)
            && path[(workspace.Length + 1)..].Split('/').All(segment => segment.All(c => ShellValue.IsMark(c) || c == '.') && segment.Length > 0);
    }

    private static bool IsBelow(string path, string folder) => path == folder || path.StartsWith(folder + "/", StringComparison.Ordinal);
}
