using System.Text;

namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>Paths with marks in them.</summary>
internal static class ShellPath
{
    /// <summary>Joins and takes out <c>.</c> and <c>..</c>; a result that does not begin with <c>/</c> is not known.</summary>
    public static string Combine(string folder, string path)
    {
        var whole = path.StartsWith('/') ? path : folder + "/" + path;
        if (!whole.StartsWith('/'))
        {
            return ShellValue.Hole.ToString();
        }
        var segments = new List<string>();
        foreach (var segment in whole.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (segment == "..")
            {
                if (segments.Count > 0)
                {
                    // Behind "anything" a step up may lead anywhere.
                    if (segments[^1].Contains(ShellValue.Hole, StringComparison.Ordinal))
                    {
                        return ShellValue.Hole.ToString();
                    }
                    segments.RemoveAt(segments.Count - 1);
                }
            }
            else if (segment != ".")
            {
                segments.Add(segment);
            }
        }
        return "/" + string.Join('/', segments);
    }

    /// <summary>
    /// Whether a path may be one that a pattern names. In the pattern <c>*</c> stays in one segment and <c>**</c>
    /// does not. Globs in the path match where a file of that name may exist. What is not known at all matches only
    /// wildcards, and so does a whole segment's star under a pattern for any folder: that is no evidence.
    /// </summary>
    public static bool Matches(string path, string pattern)
    {
        if (!MayMatch(path, pattern))
        {
            return false;
        }
        path = path.Replace(ShellValue.Below, ShellValue.Hole);
        if (pattern.StartsWith("**", StringComparison.Ordinal))
        {
            path = string.Join('/', path.Split('/').Select(segment => segment.All(ShellValue.IsMark) ? new string(ShellValue.Hole, segment.Length) : segment));
        }
        // One row of states a pattern character: linear in each text, whatever wildcards they have.
        var reached = new bool[path.Length + 1];
        reached[0] = true;
        for (var p = 0; p < pattern.Length; p++)
        {
            PassOptional(path, reached);
            var isDeep = pattern[p] == '*' && p + 1 < pattern.Length && pattern[p + 1] == '*';
            reached = pattern[p] == '*'
                ? PassWildcard(path, reached, isDeep)
                : PassCharacter(path, reached, pattern[p], isFirst: p > 0 && pattern[p - 1] == '/');
            p += isDeep ? 1 : 0;
        }
        PassOptional(path, reached);
        return reached[path.Length];
    }

    /// <summary>A quick no for most pairs: the characters before any wildcard differ, or those behind the last one.</summary>
    private static bool MayMatch(string path, string pattern)
    {
        var start = 0;
        for (; start < pattern.Length && pattern[start] is not ('*' or '?'); start++)
        {
            if (start >= path.Length || ShellValue.IsMark(path[start]))
            {
                break;
            }
            if (path[start] != pattern[start])
            {
                return false;
            }
        }
        if (start == pattern.Length)
        {
            return path.Length == pattern.Length;
        }
        if (start == path.Length && pattern[start] != '*')
        {
            return false;
        }
        for (var end = 1; end <= Math.Min(path.Length, pattern.Length) && pattern[^end] is not ('*' or '?') && !ShellValue.IsMark(path[^end]); end++)
        {
            if (path[^end] != pattern[^end])
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>A star of the path may stand for nothing.</summary>
    private static void PassOptional(string path, bool[] reached)
    {
        for (var at = 0; at < path.Length; at++)
        {
            reached[at + 1] |= reached[at] && path[at] == ShellValue.Star;
        }
    }

    private static bool[] PassWildcard(string path, bool[] reached, bool isDeep)
    {
        var next = new bool[path.Length + 1];
        for (var at = 0; at <= path.Length; at++)
        {
            next[at] = reached[at] || (at > 0 && next[at - 1] && (isDeep || path[at - 1] != '/'));
        }
        return next;
    }

    private static bool[] PassCharacter(string path, bool[] reached, char pattern, bool isFirst)
    {
        var next = new bool[path.Length + 1];
        for (var at = 0; at < path.Length; at++)
        {
            if (!reached[at])
            {
                continue;
            }
            // The shell's globs leave names with a leading dot out.
            var globMatches = pattern != '/' && !(isFirst && pattern == '.');
            if (path[at] == ShellValue.Star && globMatches)
            {
                next[at] = true;
                next[at + 1] = true;
            }
            next[at + 1] |= path[at] == pattern || (path[at] == ShellValue.Question && globMatches) || (pattern == '?' && path[at] != '/');
        }
        return next;
    }

    /// <summary>The part before the first segment that is not known.</summary>
    public static string KnownFolder(string path)
    {
        var mark = path.AsSpan().IndexOfAnyInRange(ShellValue.Hole, ShellValue.Below);
        if (mark < 0)
        {
            return path;
        }
        var slash = path.LastIndexOf('/', mark);
        return slash <= 0 ? "/" : path[..slash];
    }

    public static string Name(string path) => path[(path.TrimEnd('/').LastIndexOf('/') + 1)..].TrimEnd('/');

    /// <summary>A glob of the shell as marks.</summary>
    public static void AppendGlob(StringBuilder result, string text)
    {
        for (var at = 0; at < text.Length; at++)
        {
            switch (text[at])
            {
                case '*':
                    result.Append(ShellValue.Star);
                    break;
                case '?':
                    result.Append(ShellValue.Question);
                    break;
                case '[' when text.IndexOf(']', Math.Min(at + 2, text.Length)) is > 0 and var end && end - at < 64:
                    result.Append(ShellValue.Question);
                    at = end;
                    break;
                default:
                    result.Append(text[at]);
                    break;
            }
        }
    }
}
