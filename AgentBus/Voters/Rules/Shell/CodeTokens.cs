using System.Text;

namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>The names and the string literals of a program text in some scripting language, roughly.</summary>
/// <param name="IsWhole">False where a string does not end: then the two may be mixed up.</param>
/// <param name="Commands">Literals in backticks where those run commands.</param>
/// <param name="Symbols">Every character outside of strings that is neither of a name nor blank.</param>
internal sealed record CodeTokens(
    IReadOnlySet<string> Names, IReadOnlyList<string> Literals, IReadOnlyList<string> Commands, string Symbols, bool IsWhole)
{
    public static CodeTokens Read(string code, CodeLanguage language)
    {
        var names = new HashSet<string>();
        var literals = new List<string>();
        var commands = new List<string>();
        var symbols = new StringBuilder();
        var isWhole = true;
        for (var at = 0; at < code.Length;)
        {
            var c = code[at];
            if (c is '\'' or '"' or '`')
            {
                var literal = ReadString(code, ref at, language, out var ends);
                isWhole &= ends;
                (c == '`' && language is CodeLanguage.Ruby or CodeLanguage.Perl or CodeLanguage.Php ? commands : literals).Add(literal);
                symbols.Append('"');
                // Code may stand in a string: "#{…}", `${…}`, f"{…}".
                if (literal.IndexOf('{', StringComparison.Ordinal) is >= 0 and var brace)
                {
                    AddNames(literal[brace..], names);
                }
            }
            else if ((c == '#' && language is not (CodeLanguage.JavaScript or CodeLanguage.Lua))
                || (c == '/' && at + 1 < code.Length && code[at + 1] == '/' && language is CodeLanguage.JavaScript or CodeLanguage.Php))
            {
                var end = code.IndexOf('\n', at);
                at = end < 0 ? code.Length : end;
            }
            else if (IsNameStart(c))
            {
                var start = at;
                while (at < code.Length && (IsNameStart(code[at]) || char.IsAsciiDigit(code[at])))
                {
                    at++;
                }
                names.Add(code[start..at]);
                symbols.Append('a');
            }
            else
            {
                if (!char.IsWhiteSpace(c))
                {
                    symbols.Append(c);
                }
                at++;
            }
        }
        return new CodeTokens(names, literals, commands, symbols.ToString(), isWhole);
    }

    private static void AddNames(string text, HashSet<string> names)
    {
        var start = -1;
        for (var at = 0; at <= text.Length; at++)
        {
            var isName = at < text.Length && (IsNameStart(text[at]) || (start >= 0 && char.IsAsciiDigit(text[at])));
            if (isName && start < 0)
            {
                start = at;
            }
            else if (!isName && start >= 0)
            {
                names.Add(text[start..at]);
                start = -1;
            }
        }
    }

    private static string ReadString(string code, ref int at, CodeLanguage language, out bool ends)
    {
        var quote = code[at];
        var length = language == CodeLanguage.Python && at + 2 < code.Length && code[at + 1] == quote && code[at + 2] == quote ? 3 : 1;
        at += length;
        var text = new StringBuilder();
        while (at < code.Length)
        {
            if (code[at] == '\\' && at + 1 < code.Length)
            {
                at += 1 + AnsiEscapes.Read(code.AsSpan(at + 1), out var decoded);
                text.Append(decoded);
            }
            else if (code[at] == quote && (length == 1 || (at + 2 < code.Length && code[at + 1] == quote && code[at + 2] == quote)))
            {
                at += length;
                ends = true;
                return text.ToString();
            }
            else
            {
                text.Append(code[at++]);
            }
        }
        ends = false;
        return text.ToString();
    }

    private static bool IsNameStart(char c) => char.IsAsciiLetter(c) || c == '_';
}

internal enum CodeLanguage
{
    Python,
    Perl,
    Ruby,
    JavaScript,
    Php,
    Lua,
    Awk,
    Tcl,
    R,
}
