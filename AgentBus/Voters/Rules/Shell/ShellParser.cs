using System.Buffers;

namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>
/// Reads bash text into commands and words: POSIX with bash's additions. One pass with no backing up but for
/// <c>((</c>, bounded in depth, so the time is linear in the text. Commands here; words in the other parts.
/// </summary>
internal sealed partial class ShellParser
{
    /// <summary>How deep commands and substitutions may lie in each other; nobody writes so.</summary>
    private const int MaxDepth = 60;

    private static readonly SearchValues<char> s_metacharacters = SearchValues.Create(" \t\r\n;&|()<>");
    private static readonly string[] s_listEnds = ["then", "else", "elif", "fi", "do", "done", "esac", "}"];

    private readonly string _text;
    private readonly List<(Redirection Redirection, string Delimiter, bool Quoted)> _pendingHereDocuments = [];
    private int _at;
    private int _depth;

    private ShellParser(string text, int depth)
    {
        _text = text;
        _depth = depth;
    }

    /// <exception cref="ShellSyntaxException">It is not a shell's, or too deep.</exception>
    public static Sequence Parse(string text, int depth = 0)
    {
        var parser = new ShellParser(text, depth);
        var body = parser.ParseSequence();
        return parser.IsAtEnd ? body : throw parser.Unexpected();
    }

    private bool IsAtEnd => _at >= _text.Length;

    private char Current => _at < _text.Length ? _text[_at] : '\0';

    private char Peek(int ahead) => _at + ahead < _text.Length ? _text[_at + ahead] : '\0';

    private bool LooksAt(string text) => string.CompareOrdinal(_text, _at, text, 0, text.Length) == 0;

    private Sequence ParseSequence()
    {
        Enter();
        var nodes = new List<ShellNode>();
        while (true)
        {
            SkipBlankLines();
            if (IsAtEnd || Current == ')' || LooksAt(";;") || LooksAt(";&") || IsListEnd())
            {
                break;
            }
            nodes.Add(ParseAndOr());
            SkipBlanks();
            if (Current is ';' && Peek(1) is not (';' or '&'))
            {
                _at++;
            }
            else if (Current is '&')
            {
                _at++;
            }
            else if (!IsAtEnd && Current is not ('\n' or ')') && !LooksAt(";;") && !LooksAt(";&") && !IsListEnd())
            {
                throw Unexpected();
            }
        }
        _depth--;
        return new Sequence(nodes);
    }

    private bool IsListEnd() => PeekBareWord() is { } word && s_listEnds.Contains(word);

    private ShellNode ParseAndOr()
    {
        var nodes = new List<ShellNode> { ParsePipeline() };
        while (true)
        {
            SkipBlanks();
            if (!LooksAt("&&") && !LooksAt("||"))
            {
                return nodes.Count == 1 ? nodes[0] : new AndOr(nodes);
            }
            _at += 2;
            SkipBlankLines();
            nodes.Add(ParsePipeline());
        }
    }

    private ShellNode ParsePipeline()
    {
        var stages = new List<ShellNode>();
        SkipPrefixes();
        stages.Add(ParseCommand());
        while (true)
        {
            SkipBlanks();
            if (Current != '|' || Peek(1) == '|')
            {
                return stages.Count == 1 ? stages[0] : new Pipeline(stages);
            }
            _at += Peek(1) == '&' ? 2 : 1;
            SkipBlankLines();
            SkipPrefixes();
            stages.Add(ParseCommand());
        }
    }

    /// <summary><c>!</c>, <c>time</c> and <c>coproc</c> change nothing about what runs.</summary>
    private void SkipPrefixes()
    {
        while (PeekBareWord() is "!" or "time" or "coproc" or "-p" && _at < _text.Length)
        {
            _at += PeekBareWord()!.Length;
            SkipBlanks();
        }
    }

    private ShellNode ParseCommand()
    {
        Enter();
        var node = ParseCommandInner();
        _depth--;
        return node;
    }

    private ShellNode ParseCommandInner()
    {
        if (LooksAt("((") && TryParseArithmeticCommand() is { } arithmetic)
        {
            return arithmetic;
        }
        if (Current == '(')
        {
            _at++;
            var body = ParseSequence();
            Expect(")");
            return new Compound(true, false, false, [], body, ParseRedirections());
        }
        switch (PeekBareWord())
        {
            case "{":
                return ParseBody("{", "}", false);
            case "if":
                return ParseIf();
            case "while":
                return ParseConditionLoop("while");
            case "until":
                return ParseConditionLoop("until");
            case "for":
                return ParseFor("for");
            case "select":
                return ParseFor("select");
            case "case":
                return ParseCase();
            case "[[":
                return ParseTest();
            case "function":
                ExpectWord("function");
                SkipBlanks();
                var name = ParseWord() ?? throw Unexpected();
                SkipBlanks();
                SkipEmptyParentheses();
                return ParseFunctionBody(name);
            default:
                return ParseSimple();
        }
    }

    private ShellNode ParseSimple()
    {
        var words = new List<ShellWord>();
        var redirections = new List<Redirection>();
        while (true)
        {
            SkipBlanks();
            if (TryParseRedirection() is { } redirection)
            {
                redirections.Add(redirection);
            }
            else if (words.Count == 1 && Current == '(')
            {
                SkipEmptyParentheses();
                return ParseFunctionBody(words[0]);
            }
            else if (ParseWord() is { } word)
            {
                words.Add(word);
            }
            else
            {
                break;
            }
        }
        return words.Count + redirections.Count > 0 ? new SimpleCommand(words, redirections) : throw Unexpected();
    }

    private FunctionDefinition ParseFunctionBody(ShellWord name)
    {
        SkipBlankLines();
        return new FunctionDefinition(name.Bare ?? throw Unexpected(), ParseCommand());
    }

    private void SkipEmptyParentheses()
    {
        if (Current != '(')
        {
            return;
        }
        _at++;
        SkipBlanks();
        Expect(")");
    }

    private Compound ParseBody(string open, string close, bool isRepeated)
    {
        ExpectWord(open);
        var body = ParseSequence();
        ExpectWord(close);
        return new Compound(false, isRepeated, isRepeated, [], body, ParseRedirections());
    }

    private Compound ParseIf()
    {
        var bodies = new List<ShellNode>();
        ExpectWord("if");
        bodies.Add(ParseSequence());
        while (true)
        {
            ExpectWord("then");
            bodies.Add(ParseSequence());
            switch (PeekBareWord())
            {
                case "elif":
                    ExpectWord("elif");
                    bodies.Add(ParseSequence());
                    continue;
                case "else":
                    ExpectWord("else");
                    bodies.Add(ParseSequence());
                    break;
            }
            ExpectWord("fi");
            return new Compound(false, true, false, [], new Sequence(bodies), ParseRedirections());
        }
    }

    private Compound ParseConditionLoop(string keyword)
    {
        ExpectWord(keyword);
        var condition = ParseSequence();
        var body = ParseBody("do", "done", true);
        return body with { Body = new Sequence([condition, body.Body]) };
    }

    private ShellNode ParseFor(string keyword)
    {
        ExpectWord(keyword);
        SkipBlanks();
        return LooksAt("((") ? ParseArithmeticFor() : ParseWordsFor();
    }

    private Compound ParseArithmeticFor()
    {
        var head = TryParseArithmeticCommand() ?? throw Unexpected();
        SkipSeparators();
        var repeated = PeekBareWord() == "{" ? ParseBody("{", "}", true) : ParseBody("do", "done", true);
        return repeated with { Words = head.Words };
    }

    private ForLoop ParseWordsFor()
    {
        var name = ParseWord()?.Bare ?? throw Unexpected();
        SkipBlankLines();
        List<ShellWord>? items = null;
        if (PeekBareWord() == "in")
        {
            ExpectWord("in");
            items = [];
            for (SkipBlanks(); ParseWord() is { } item; SkipBlanks())
            {
                items.Add(item);
            }
        }
        SkipSeparators();
        var body = PeekBareWord() == "{" ? ParseBody("{", "}", true) : ParseBody("do", "done", true);
        return new ForLoop(name, items, body.Body, body.Redirections);
    }

    private Compound ParseCase()
    {
        var words = new List<ShellWord>();
        var bodies = new List<ShellNode>();
        ExpectWord("case");
        SkipBlanks();
        words.Add(ParseWord() ?? throw Unexpected());
        SkipBlankLines();
        ExpectWord("in");
        while (true)
        {
            SkipBlankLines();
            if (PeekBareWord() == "esac")
            {
                ExpectWord("esac");
                return new Compound(false, true, false, words, new Sequence([new Sequence([]), .. bodies]), ParseRedirections());
            }
            if (Current == '(')
            {
                _at++;
            }
            while (true)
            {
                SkipBlanks();
                words.Add(ParseWord() ?? throw Unexpected());
                SkipBlanks();
                if (Current != '|')
                {
                    break;
                }
                _at++;
            }
            Expect(")");
            bodies.Add(ParseSequence());
            SkipBlankLines();
            if (LooksAt(";;&"))
            {
                _at += 3;
            }
            else if (LooksAt(";;") || LooksAt(";&"))
            {
                _at += 2;
            }
            else if (PeekBareWord() != "esac")
            {
                throw Unexpected();
            }
        }
    }

    private Compound ParseTest()
    {
        ExpectWord("[[");
        var words = new List<ShellWord>();
        while (true)
        {
            SkipBlankLines();
            if (IsAtEnd)
            {
                throw Unexpected();
            }
            if (PeekBareWord() == "]]")
            {
                _at += 2;
                return new Compound(false, false, false, words, new Sequence([]), ParseRedirections());
            }
            if (LooksAt("=~"))
            {
                _at += 2;
                SkipBlanks();
                words.Add(ParseRegularExpression());
            }
            else if (Current is '(' or ')' or '<' or '>' or '&' or '|' or ';')
            {
                _at++;
            }
            else
            {
                words.Add(ParseWord() ?? throw Unexpected());
            }
        }
    }

    /// <returns>Null where the parentheses do not close as arithmetic: then they are subshells.</returns>
    private Compound? TryParseArithmeticCommand()
    {
        if (FindArithmeticEnd(_at + 2) is not { } end)
        {
            return null;
        }
        var text = _text[(_at + 2)..end];
        _at = end + 2;
        var inner = new ShellParser(text, _depth + 1).ParseHereText();
        var body = new Sequence([]);
        try
        {
            // What reads as a command too is looked at as one: which of the two a shell takes has varied.
            body = Parse(text, _depth + 1);
        }
        catch (ShellSyntaxException)
        {
            // Arithmetic, then.
        }
        return new Compound(true, false, false, [inner], body, ParseRedirections());
    }

    private List<Redirection> ParseRedirections()
    {
        var redirections = new List<Redirection>();
        while (true)
        {
            SkipBlanks();
            if (TryParseRedirection() is not { } redirection)
            {
                return redirections;
            }
            redirections.Add(redirection);
        }
    }

    private void Enter()
    {
        if (++_depth > MaxDepth)
        {
            throw new ShellSyntaxException("it is nested too deep");
        }
    }

    private void Expect(string text)
    {
        SkipBlankLines();
        if (!LooksAt(text))
        {
            throw Unexpected();
        }
        _at += text.Length;
    }

    private void ExpectWord(string word)
    {
        SkipBlankLines();
        if (PeekBareWord() != word)
        {
            throw Unexpected();
        }
        _at += word.Length;
    }

    private void SkipSeparators()
    {
        SkipBlankLines();
        while (Current == ';')
        {
            _at++;
            SkipBlankLines();
        }
    }

    private ShellSyntaxException Unexpected() => new(IsAtEnd
        ? "it ends before a quote or a command is closed"
        : $"the character '{(char.IsControl(Current) ? ' ' : Current)}' at {_at + 1} cannot stand there");
}
