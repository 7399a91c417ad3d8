using System.Globalization;
using System.Text;

namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>What a dollar or a backtick begins, redirections and here documents.</summary>
internal sealed partial class ShellParser
{
    private static readonly string[] s_redirections = ["&>>", "<<<", "<<-", "&>", "<<", "<&", "<>", ">>", ">&", ">|", "<", ">"];
    private static readonly string[] s_parameterOperators =
        [":-", ":=", ":?", ":+", "##", "%%", "//", "/#", "/%", "^^", ",,", "-", "=", "?", "+", "#", "%", "/", "^", ",", "@", ":"];

    private void ParseDollar(PartList parts, bool quoted)
    {
        var next = Peek(1);
        if (next == '(')
        {
            parts.Add(ParseParentheses(quoted));
        }
        else if (next == '{')
        {
            parts.Add(ParseBraces(quoted));
        }
        else if (next == '\'' && !quoted)
        {
            _at += 2;
            ParseAnsiQuotes(parts);
        }
        else if (next == '"' && !quoted)
        {
            _at++;
        }
        else if (next == '[' && _text.IndexOf(']', _at) is > 0 and var end)
        {
            var inner = new ShellParser(_text[(_at + 2)..end], _depth + 1).ParseHereText();
            _at = end + 1;
            parts.Add(new ArithmeticPart(inner));
        }
        else if (char.IsAsciiLetter(next) || next == '_')
        {
            var start = ++_at;
            SkipName();
            parts.Add(Variable(_text[start.._at], quoted));
        }
        else if (char.IsAsciiDigit(next) || next is '@' or '*' or '#' or '?' or '-' or '$' or '!')
        {
            _at += 2;
            parts.Add(Variable(next.ToString(), quoted));
        }
        else
        {
            parts.Add('$', quoted);
            _at++;
        }
    }

    private static VariablePart Variable(string name, bool quoted) =>
        new(name, null, false, false, "", ShellWord.Empty, quoted);

    private WordPart ParseParentheses(bool quoted)
    {
        if (Peek(2) == '(' && FindArithmeticEnd(_at + 3) is { } end)
        {
            Enter();
            var inner = new ShellParser(_text[(_at + 3)..end], _depth).ParseHereText();
            _depth--;
            _at = end + 2;
            return new ArithmeticPart(inner);
        }
        _at += 2;
        var body = ParseSequence();
        Expect(")");
        return new SubstitutionPart(body, quoted);
    }

    /// <summary>Where the <c>))</c> stands that closes what begins at <paramref name="from"/>; null where there is none.</summary>
    private int? FindArithmeticEnd(int from)
    {
        // Nesting is bounded, so a text is scanned from few places.
        var open = 0;
        for (var at = from; at < _text.Length; at++)
        {
            switch (_text[at])
            {
                case '(':
                    open++;
                    break;
                case ')' when open > 0:
                    open--;
                    break;
                case ')':
                    return at + 1 < _text.Length && _text[at + 1] == ')' ? at : null;
            }
        }
        return null;
    }

    private VariablePart ParseBraces(bool quoted)
    {
        Enter();
        _at += 2;
        var isLength = Current == '#' && Peek(1) is not ('}' or ':' or '-' or '=' or '?' or '+' or '#' or '%' or '/');
        _at += isLength ? 1 : 0;
        var isIndirect = Current == '!' && Peek(1) is not ('}' or ':' or '-' or '=' or '?' or '+');
        _at += isIndirect ? 1 : 0;
        var start = _at;
        SkipName();
        if (_at == start)
        {
            if (IsAtEnd)
            {
                throw Unexpected();
            }
            _at++;
        }
        var name = _text[start.._at];
        var subscript = ParseSubscript();
        var operation = s_parameterOperators.FirstOrDefault(LooksAt) ?? "";
        _at += operation.Length;
        var argument = new PartList();
        while (Current != '}')
        {
            if (IsAtEnd)
            {
                throw Unexpected();
            }
            if (quoted && Current is not ('"' or '\\'))
            {
                ParseQuotedPiece(argument);
            }
            else
            {
                ParsePiece(argument);
            }
        }
        _at++;
        _depth--;
        return new VariablePart(name, subscript, isIndirect, isLength, operation, argument.ToWord(), quoted);
    }

    private string? ParseSubscript()
    {
        if (Current != '[')
        {
            return null;
        }
        var end = _text.IndexOf(']', _at);
        if (end < 0)
        {
            _at = _text.Length;
            throw Unexpected();
        }
        var subscript = _text[(_at + 1)..end];
        _at = end + 1;
        return subscript;
    }

    private void SkipName()
    {
        if (char.IsAsciiDigit(Current))
        {
            while (char.IsAsciiDigit(Current))
            {
                _at++;
            }
            return;
        }
        while (char.IsAsciiLetterOrDigit(Current) || Current == '_')
        {
            _at++;
        }
    }

    private SubstitutionPart ParseBackticks(bool quoted)
    {
        Enter();
        var inner = new StringBuilder();
        for (_at++; Current != '`'; _at++)
        {
            if (IsAtEnd)
            {
                throw Unexpected();
            }
            if (Current == '\\' && (Peek(1) is '`' or '\\' or '$' || (quoted && Peek(1) == '"')))
            {
                _at++;
            }
            inner.Append(Current);
        }
        _at++;
        var body = Parse(inner.ToString(), _depth);
        _depth--;
        return new SubstitutionPart(body, quoted);
    }

    private void ParseAnsiQuotes(PartList parts)
    {
        parts.AddQuoted("");
        while (Current != '\'')
        {
            if (IsAtEnd)
            {
                throw Unexpected();
            }
            if (Current != '\\')
            {
                parts.Add(Current, quoted: true);
                _at++;
                continue;
            }
            _at++;
            var length = AnsiEscapes.Read(_text.AsSpan(Math.Min(_at, _text.Length)), out var decoded);
            parts.AddQuoted(decoded);
            _at += length;
        }
        _at++;
    }

    private Redirection? TryParseRedirection()
    {
        var at = _at;
        if (Current == '{')
        {
            var close = _text.IndexOf('}', _at, Math.Min(40, _text.Length - _at));
            at = close > 0 && close + 1 < _text.Length && _text[close + 1] is '<' or '>' ? close + 1 : at;
        }
        while (at < _text.Length && char.IsAsciiDigit(_text[at]))
        {
            at++;
        }
        if (at >= _text.Length || _text[at] is not ('<' or '>' or '&'))
        {
            return null;
        }
        var operation = s_redirections.FirstOrDefault(candidate => string.CompareOrdinal(_text, at, candidate, 0, candidate.Length) == 0);
        var isProcess = operation is "<" or ">" && at + 1 < _text.Length && _text[at + 1] == '(';
        if (operation is null || isProcess)
        {
            return null;
        }
        var descriptor = _text[_at..at];
        _at = at + operation.Length;
        SkipBlanks();
        var target = ParseWord() ?? throw Unexpected();
        var redirection = new Redirection(descriptor, operation, target);
        if (operation is "<<" or "<<-")
        {
            var isQuoted = target.Parts.Any(part => part is LiteralPart { Quoted: true });
            var delimiter = string.Concat(target.Parts.Select(part => (part as LiteralPart)?.Text ?? throw Unexpected()));
            _pendingHereDocuments.Add((redirection, delimiter, isQuoted));
        }
        return redirection;
    }

    /// <summary>Reads the texts of the here documents whose line has just ended.</summary>
    private void ReadHereDocuments()
    {
        foreach (var (redirection, delimiter, isQuoted) in _pendingHereDocuments)
        {
            var body = new StringBuilder();
            while (!IsAtEnd)
            {
                var end = _text.IndexOf('\n', _at);
                var line = _text[_at..(end < 0 ? _text.Length : end)];
                _at = end < 0 ? _text.Length : end + 1;
                if (redirection.Operation == "<<-")
                {
                    line = line.TrimStart('\t');
                }
                if (line == delimiter)
                {
                    break;
                }
                body.Append(line).Append('\n');
            }
            redirection.HereText = isQuoted
                ? new ShellWord([new LiteralPart(body.ToString(), true)])
                : new ShellParser(body.ToString(), _depth + 1).ParseHereText();
        }
        _pendingHereDocuments.Clear();
    }
}

/// <summary>The escapes of <c>$'…'</c>, <c>echo -e</c> and <c>printf</c>.</summary>
internal static class AnsiEscapes
{
    /// <param name="text">What stands behind the backslash.</param>
    /// <returns>How many characters of it the escape takes.</returns>
    public static int Read(ReadOnlySpan<char> text, out string decoded)
    {
        if (text.IsEmpty)
        {
            decoded = "\\";
            return 0;
        }
        switch (text[0])
        {
            case 'x':
                return ReadNumber(text, 1, 2, 16, out decoded);
            case 'u':
                return ReadNumber(text, 1, 4, 16, out decoded);
            case 'U':
                return ReadNumber(text, 1, 8, 16, out decoded);
            case >= '0' and <= '7':
                return ReadNumber(text, 0, text[0] == '0' ? 4 : 3, 8, out decoded);
            case 'c' when text.Length > 1:
                decoded = ((char)(text[1] & 0x1f)).ToString();
                return 2;
        }
        decoded = text[0] switch
        {
            'n' => "\n",
            't' => "\t",
            'r' => "\r",
            'a' => "\a",
            'b' => "\b",
            'e' or 'E' => "\e",
            'f' => "\f",
            'v' => "\v",
            '\\' or '\'' or '"' or '?' => text[0].ToString(),
            _ => "\\" + text[0],
        };
        return 1;
    }

    public static string Decode(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] != '\\')
            {
                result.Append(text[at]);
                continue;
            }
            at += Read(text.AsSpan(at + 1), out var decoded);
            result.Append(decoded);
        }
        return result.ToString();
    }

    private static int ReadNumber(ReadOnlySpan<char> text, int start, int most, int radix, out string decoded)
    {
        var end = start;
        while (end < text.Length && end - start < most && (radix == 16 ? char.IsAsciiHexDigit(text[end]) : text[end] is >= '0' and <= '7'))
        {
            end++;
        }
        if (end == start)
        {
            decoded = "\\" + text[0];
            return 1;
        }
        var digits = text[start..end];
        var number = 0L;
        foreach (var digit in digits)
        {
            number = (number * radix) + (char.IsAsciiDigit(digit) ? digit - '0' : (digit | 0x20) - 'a' + 10);
        }
        decoded = Rune.IsValid((int)Math.Min(number, int.MaxValue)) ? new Rune((int)number).ToString() : "\uFFFD";
        return end;
    }
}
