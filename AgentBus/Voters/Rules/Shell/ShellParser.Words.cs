using System.Text;

namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>Words, quotes and blanks.</summary>
internal sealed partial class ShellParser
{
    /// <returns>Null where no word begins.</returns>
    private ShellWord? ParseWord()
    {
        var parts = new PartList();
        var start = _at;
        while (!IsAtEnd)
        {
            if (Current is '<' or '>' && Peek(1) == '(' && _at == start)
            {
                parts.Add(ParseProcessSubstitution());
            }
            else if (Current == '(' && parts.IsAssignment)
            {
                parts.Add(ParseArray());
            }
            else if (Current == '(' && parts.Last is ('?' or '*' or '+' or '@' or '!'))
            {
                SkipExtendedGlob();
                parts.Add('*', quoted: false);
            }
            else if (s_metacharacters.Contains(Current))
            {
                break;
            }
            else
            {
                ParsePiece(parts);
            }
        }
        return _at > start ? parts.ToWord() : null;
    }

    /// <summary>The right side of <c>=~</c>, where operators of the shell are the pattern's.</summary>
    private ShellWord ParseRegularExpression()
    {
        var parts = new PartList();
        var open = 0;
        while (!IsAtEnd && (open > 0 || !char.IsWhiteSpace(Current)))
        {
            open += Current == '(' ? 1 : Current == ')' ? -1 : 0;
            if (Current is '(' or ')' or '|' or '<' or '>' or '&' or ';' || char.IsWhiteSpace(Current))
            {
                parts.Add(Current, quoted: true);
                _at++;
            }
            else
            {
                ParsePiece(parts);
            }
        }
        return parts.ToWord();
    }

    /// <summary>A text in which only <c>$</c>, backticks and backslashes count.</summary>
    private ShellWord ParseHereText()
    {
        var parts = new PartList();
        while (!IsAtEnd)
        {
            if (Current == '"')
            {
                parts.Add('"', quoted: true);
                _at++;
            }
            else
            {
                ParseQuotedPiece(parts);
            }
        }
        return parts.ToWord();
    }

    private void ParsePiece(PartList parts)
    {
        switch (Current)
        {
            case '\\' when Peek(1) == '\n':
                _at += 2;
                return;
            case '\\' when _at + 1 < _text.Length:
                parts.Add(Peek(1), quoted: true);
                _at += 2;
                return;
            case '\'':
                var end = _text.IndexOf('\'', _at + 1);
                if (end < 0)
                {
                    _at = _text.Length;
                    throw Unexpected();
                }
                parts.AddQuoted(_text.AsSpan(_at + 1, end - _at - 1));
                _at = end + 1;
                return;
            case '"':
                ParseDoubleQuotes(parts);
                return;
            case '$':
                ParseDollar(parts, false);
                return;
            case '`':
                parts.Add(ParseBackticks(false));
                return;
            default:
                parts.Add(Current, quoted: false);
                _at++;
                return;
        }
    }

    private void ParseDoubleQuotes(PartList parts)
    {
        Enter();
        _at++;
        parts.AddQuoted("");
        while (Current != '"')
        {
            if (IsAtEnd)
            {
                throw Unexpected();
            }
            ParseQuotedPiece(parts);
        }
        _at++;
        _depth--;
    }

    private void ParseQuotedPiece(PartList parts)
    {
        switch (Current)
        {
            case '\\' when Peek(1) == '\n':
                _at += 2;
                break;
            case '\\' when Peek(1) is '$' or '`' or '"' or '\\':
                parts.Add(Peek(1), quoted: true);
                _at += 2;
                break;
            case '$':
                ParseDollar(parts, true);
                break;
            case '`':
                parts.Add(ParseBackticks(true));
                break;
            default:
                parts.Add(Current, quoted: true);
                _at++;
                break;
        }
    }

    private ProcessPart ParseProcessSubstitution()
    {
        var isInput = Current == '<';
        _at += 2;
        var body = ParseSequence();
        Expect(")");
        return new ProcessPart(body, isInput);
    }

    private ArrayPart ParseArray()
    {
        _at++;
        var items = new List<ShellWord>();
        for (SkipBlankLines(); ParseWord() is { } item; SkipBlankLines())
        {
            items.Add(item);
        }
        Expect(")");
        return new ArrayPart(items);
    }

    private void SkipExtendedGlob()
    {
        var open = 0;
        do
        {
            if (IsAtEnd)
            {
                throw Unexpected();
            }
            open += Current == '(' ? 1 : Current == ')' ? -1 : 0;
            _at++;
        }
        while (open > 0);
    }

    /// <summary>The word at the reader if it is written plainly, and stays where it is.</summary>
    private string? PeekBareWord()
    {
        const int longestKeyword = 8;
        var end = _at;
        while (end < _text.Length && end - _at <= longestKeyword && !s_metacharacters.Contains(_text[end]))
        {
            if (_text[end] is '\\' or '\'' or '"' or '$' or '`')
            {
                return null;
            }
            end++;
        }
        return end > _at && end - _at <= longestKeyword ? _text[_at..end] : null;
    }

    private void SkipBlanks()
    {
        while (!IsAtEnd)
        {
            if (Current is ' ' or '\t' or '\r')
            {
                _at++;
            }
            else if (Current == '\\' && Peek(1) == '\n')
            {
                _at += 2;
            }
            else if (Current == '#')
            {
                var end = _text.IndexOf('\n', _at);
                _at = end < 0 ? _text.Length : end;
            }
            else
            {
                return;
            }
        }
    }

    private void SkipBlankLines()
    {
        for (SkipBlanks(); Current == '\n'; SkipBlanks())
        {
            _at++;
            ReadHereDocuments();
        }
    }

    /// <summary>Collects parts, joining characters of one kind.</summary>
    private sealed class PartList
    {
        private readonly List<WordPart> _parts = [];
        private readonly StringBuilder _text = new();
        private bool _isQuoted;
        private bool _isOpen;

        public char Last => _isOpen && !_isQuoted && _text.Length > 0 ? _text[^1] : '\0';

        /// <summary>Whether what is there so far is <c>name=</c> or <c>name+=</c>.</summary>
        public bool IsAssignment
        {
            get
            {
                if (_parts.Count > 0 || Last != '=')
                {
                    return false;
                }
                var end = _text.Length - 1;
                if (end > 0 && _text[end - 1] == '+')
                {
                    end--;
                }
                for (var i = 0; i < end; i++)
                {
                    if (!char.IsAsciiLetterOrDigit(_text[i]) && _text[i] != '_')
                    {
                        return false;
                    }
                }
                return end > 0;
            }
        }

        public void Add(char character, bool quoted)
        {
            Open(quoted);
            _text.Append(character);
        }

        public void AddQuoted(ReadOnlySpan<char> text)
        {
            Open(true);
            _text.Append(text);
        }

        public void Add(WordPart part)
        {
            Close();
            _parts.Add(part);
        }

        public ShellWord ToWord()
        {
            Close();
            return new ShellWord(_parts);
        }

        private void Open(bool quoted)
        {
            if (_isOpen && _isQuoted != quoted)
            {
                Close();
            }
            _isOpen = true;
            _isQuoted = quoted;
        }

        private void Close()
        {
            if (_isOpen)
            {
                _parts.Add(new LiteralPart(_text.ToString(), _isQuoted));
                _text.Clear();
                _isOpen = false;
            }
        }
    }
}
