using System.Text;

namespace AgentKernel.AgentRuntime.Bundles;

/// <summary>
/// The YAML at the head of a Markdown file, as far as names and descriptions need it: top-level keys with a plain, quoted or
/// block value. A parser of all of YAML would double what the agent loads.
/// </summary>
internal static class FrontMatter
{
    private const string Fence = "---";

    /// <summary>The values of the top-level keys that are text; null where there is no front matter.</summary>
    public static IReadOnlyDictionary<string, string>? Parse(string text)
    {
        var lines = text.TrimStart('\uFEFF').ReplaceLineEndings("\n").Split('\n');
        if (lines[0].TrimEnd() != Fence)
            return null;
        var end = Array.FindIndex(lines, 1, line => line.TrimEnd() is Fence or "...");
        if (end < 0)
            return null;

        var fields = new Dictionary<string, string>();
        for (var at = 1; at < end;)
        {
            var line = lines[at++];
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || char.IsWhiteSpace(line[0]) || line[0] == '#' || (colon + 1 < line.Length && line[colon + 1] != ' '))
                continue;
            // What is indented below belongs to it.
            var first = at;
            while (at < end && (lines[at].Length == 0 || lines[at][0] is ' ' or '\t'))
                at++;
            fields[line[..colon].TrimEnd()] = Value(line[(colon + 1)..].Trim(), lines[first..at]);
        }
        return fields;
    }

    private static string Value(string inline, string[] below) => inline switch
    {
        ['>', ..] => Block(below, " "),
        ['|', ..] => Block(below, "\n"),
        ['"', ..] => Unescape(Joined(inline, below)),
        ['\'', ..] => Joined(inline, below).Trim('\'').Replace("''", "'", StringComparison.Ordinal),
        _ => Uncommented(Joined(inline, below)),
    };

    private static string Block(string[] below, string separator) => string.Join(separator, below.Select(line => line.Trim())).Trim();

    private static string Joined(string inline, string[] below) =>
        string.Join(' ', below.Select(line => line.Trim()).Where(line => line.Length > 0).Prepend(inline)).Trim();

    private static string Uncommented(string value) =>
        value.IndexOf(" #", StringComparison.Ordinal) is >= 0 and var comment ? value[..comment].TrimEnd() : value;

    private static string Unescape(string quoted)
    {
        var value = new StringBuilder();
        for (var i = 1; i < quoted.Length && quoted[i] != '"'; i++)
        {
            if (quoted[i] != '\\' || i + 1 == quoted.Length)
                value.Append(quoted[i]);
            else
                value.Append(quoted[++i] switch { 'n' => '\n', 't' => '\t', var other => other });
        }
        return value.ToString();
    }
}
