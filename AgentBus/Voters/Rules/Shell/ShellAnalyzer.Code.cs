using System.Buffers;

namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>Program texts of other languages that stand in the line.</summary>
internal sealed partial class ShellAnalyzer
{
    private const int MaxLiterals = 40;

    /// <summary>What makes a text more than one plain word to a shell.</summary>
    private static readonly SearchValues<char> s_lineCharacters = SearchValues.Create(" \t\n${;|&`");

    /// <returns>What it prints; null where it runs a file or a module, like any program.</returns>
    private ShellValue? RunInterpreter(string name, CodeLanguage language, List<ShellValue> arguments, ShellValue? input)
    {
        var found = false;
        for (var i = 0; i < arguments.Count; i++)
        {
            if (IsCodeOption(language, arguments[i].Text) && i + 1 < arguments.Count)
            {
                found = true;
                InspectCode(language, arguments[++i], input);
            }
        }
        var operands = Operands(arguments);
        if (!found && language == CodeLanguage.Awk && operands.Count > 0 && !arguments.Exists(argument => argument.Text is "-f"))
        {
            found = true;
            var program = arguments.FindIndex(argument => !argument.Text.StartsWith('-'));
            program = program > 0 && arguments[program - 1].Text is "-F" or "-v" ? Math.Min(program + 1, arguments.Count - 1) : program;
            InspectCode(language, arguments[program], input);
        }
        if (!found && (operands.Count == 0 || operands[0].Text is "-" or "/dev/stdin") && !arguments.Exists(argument => argument.Text is "-m" or "-V" or "--version" or "-h" or "--help"))
        {
            found = true;
            if (input is { } code)
            {
                InspectCode(language, code, null);
            }
        }
        if (!found && operands.Count > 0 && _state.Files.TryGetValue(_state.Resolve(operands[0].Text), out var content))
        {
            found = true;
            InspectCode(language, content, input);
        }
        if (!found)
        {
            return null;
        }
        var effects = CollectEffects(name, language == CodeLanguage.Awk ? operands.Skip(1).ToList() : [], input);
        Add(name, arguments, effects);
        var taint = effects.Aggregate(Taint.Computed | (input?.Taint ?? Taint.None), (all, effect) => all | effect.Taint);
        return ShellValue.UnknownFrom(taint | (arguments.Exists(argument => argument.Text.Contains("environ", StringComparison.Ordinal)) ? Taint.Sensitive : Taint.None));
    }

    private static bool IsCodeOption(CodeLanguage language, string option) => language switch
    {
        CodeLanguage.Python => option is ['-', not '-', ..] && option[^1] == 'c' && option.Length <= 4,
        CodeLanguage.Perl or CodeLanguage.Ruby => option is ['-', not ('-' or 'M' or 'I' or 'F' or 'r'), ..] && option[^1] is 'e' or 'E' && option.Length <= 6,
        CodeLanguage.JavaScript => option is "-e" or "-p" or "-pe" or "--eval" or "--print" or "eval",
        CodeLanguage.Php => option is "-r" or "-B" or "-R" or "-E",
        CodeLanguage.Lua or CodeLanguage.R => option is "-e",
        CodeLanguage.Awk => option is "-e" or "--source",
        _ => option is "-c",
    };

    private void InspectCode(CodeLanguage language, ShellValue code, ShellValue? input)
    {
        var what = $"code of {language}";
        if ((code.Taint & Taint.Download) != Taint.None)
        {
            Add("code", [], [new Effect(EffectKind.RunsCode, $"{what} comes from the network", Taint.Download)]);
            return;
        }
        if (code.HasHole && code.Taint != Taint.File && (code.Text.Trim().All(ShellValue.IsMark) || (code.Taint & Taint.Computed) != Taint.None))
        {
            Add("code", [], [new Effect(EffectKind.Uncertain, $"{what} is not known before it runs")]);
        }
        var tokens = CodeTokens.Read(code.Text, language);
        var effects = new List<Effect>();
        var networked = tokens.Names.Overlaps(EmbeddedCode.Network) || tokens.Literals.Any(literal => literal.StartsWith("/inet", StringComparison.Ordinal));
        var starts = Starts(language, tokens);
        if (tokens.Names.Overlaps(EmbeddedCode.Evaluators) || (language == CodeLanguage.Python && tokens.Names.Contains("exec")) || !tokens.IsWhole)
        {
            effects.Add(new Effect(EffectKind.Uncertain, $"{what} runs text that it makes itself"));
        }
        if (starts && networked)
        {
            effects.Add(new Effect(EffectKind.RunsCode, $"{what} starts programs and uses the network", Taint.Download));
        }
        if (tokens.Names.Contains("fork") && language != CodeLanguage.JavaScript)
        {
            effects.Add(new Effect(EffectKind.Multiplies, what));
        }
        if (networked)
        {
            CollectSends(tokens, input, effects);
        }
        CollectFiles(language, tokens, effects, what);
        Add("code", [], effects);
        if (starts || tokens.Commands.Count > 0)
        {
            RunLiterals(tokens, what);
        }
    }

    private static bool Starts(CodeLanguage language, CodeTokens tokens) =>
        tokens.Names.Overlaps(EmbeddedCode.Starters)
        || language switch
        {
            CodeLanguage.Perl or CodeLanguage.Php or CodeLanguage.Ruby or CodeLanguage.Tcl => tokens.Names.Contains("exec") || tokens.Names.Contains("open") && tokens.Literals.Any(literal => literal.Contains('|', StringComparison.Ordinal)),
            CodeLanguage.Lua => tokens.Names.Contains("execute"),
            CodeLanguage.Awk => tokens.Symbols.Contains("|\"", StringComparison.Ordinal) || tokens.Symbols.Contains("\"|", StringComparison.Ordinal) || tokens.Symbols.Contains("|&", StringComparison.Ordinal) || tokens.Names.Contains("getline"),
            CodeLanguage.R => tokens.Names.Contains("system2"),
            _ => false,
        };

    private static void CollectSends(CodeTokens tokens, ShellValue? input, List<Effect> effects)
    {
        var taint = (input?.Taint ?? Taint.None) & (Taint.Secret | Taint.Sensitive);
        taint |= tokens.Names.Overlaps(EmbeddedCode.EnvironmentReaders) ? Taint.Sensitive : Taint.None;
        taint |= tokens.Names.Overlaps(EmbeddedCode.FileReaders) && tokens.Names.Contains("open") ? Taint.File : Taint.None;
        var hosts = tokens.Literals.Where(literal => literal.Contains("://", StringComparison.Ordinal)
            || (literal.Contains('.', StringComparison.Ordinal) && !literal.Contains('/', StringComparison.Ordinal)) || literal == "localhost").Select(HostIn).ToList();
        foreach (var host in hosts.DefaultIfEmpty("<unknown>"))
        {
            effects.Add(new Effect(EffectKind.Send, host, taint));
        }
    }

    private void CollectFiles(CodeLanguage language, CodeTokens tokens, List<Effect> effects, string what)
    {
        var paths = tokens.Literals.Where(literal => literal.Length is > 0 and < 4_096 && !literal.Contains('\n', StringComparison.Ordinal) && !literal.Contains("://", StringComparison.Ordinal))
            .Select(literal => literal.StartsWith('~') ? _state.Home + literal[1..] : literal).ToList();
        foreach (var path in paths)
        {
            effects.Add(ReadEffect(_state.Resolve(path)));
        }
        var deletes = tokens.Names.Overlaps(EmbeddedCode.Deleters);
        if (deletes || tokens.Names.Overlaps(EmbeddedCode.MaybeDeleters))
        {
            effects.AddRange(paths.Where(path => path.Contains('/', StringComparison.Ordinal) || path.StartsWith('.')).Select(path => new Effect(EffectKind.Delete, _state.Resolve(path))));
        }
        if (deletes && (paths.Count == 0 || tokens.Names.Overlaps(EmbeddedCode.HomeFinders) || tokens.Names.Overlaps(EmbeddedCode.Disguises)))
        {
            effects.Add(new Effect(EffectKind.Uncertain, $"{what} deletes files that it does not name plainly"));
        }
        var writes = tokens.Names.Overlaps(EmbeddedCode.Writers) || paths.Exists(path => path is "w" or "a" or "wb" or "ab" or "w+" or "r+")
            || (language is CodeLanguage.Awk or CodeLanguage.Perl && tokens.Symbols.Contains('>', StringComparison.Ordinal));
        if (writes)
        {
            effects.AddRange(paths.Where(path => path.StartsWith('/') && path.Length > 1).Select(path => new Effect(EffectKind.Write, _state.Resolve(path))));
        }
    }

    /// <summary>Code that starts programs: each of its strings may be a command line, or the words of one.</summary>
    private void RunLiterals(CodeTokens tokens, string what)
    {
        var literals = tokens.Commands.Concat(tokens.Literals).Take(MaxLiterals).ToList();
        if (literals.Count == 0 || tokens.Literals.Count > MaxLiterals || tokens.Names.Overlaps(EmbeddedCode.Disguises) || tokens.Symbols.Contains("\"+", StringComparison.Ordinal)
            || tokens.Symbols.Contains("+\"", StringComparison.Ordinal))
        {
            Add("code", [], [new Effect(EffectKind.Uncertain, $"{what} starts programs that it does not name plainly")]);
        }
        for (var i = 0; i < literals.Count; i++)
        {
            var isLine = literals[i].AsSpan().ContainsAny(s_lineCharacters);
            if (!isLine && _surroundings.IsRiskyWord(ShellPath.Name(literals[i])))
            {
                _state.Subshell(() => Dispatch([.. literals.Skip(i).Take(12).Select(literal => new ShellValue(literal))], null));
            }
            else if (isLine)
            {
                try
                {
                    _state.Subshell(() => RunText(literals[i], null));
                }
                catch (ShellSyntaxException)
                {
                    // A text for people more likely than a command.
                }
            }
        }
    }
}
