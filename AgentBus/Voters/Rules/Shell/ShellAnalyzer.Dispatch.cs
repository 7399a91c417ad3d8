namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>What a command's name leads to.</summary>
internal sealed partial class ShellAnalyzer
{
    private static readonly string[] s_shells = ["sh", "bash", "dash", "zsh", "ksh", "ash", "mksh", "rbash", "fish", "csh", "tcsh"];

    /// <summary>What comes from files alone, which may be scripts like any other.</summary>
    private const Taint OfFiles = Taint.File | Taint.Sensitive | Taint.Secret;

    /// <param name="written">The words as written, where they are: arrays in declarations are only there.</param>
    private ShellValue Dispatch(IReadOnlyList<ShellValue> words, ShellValue? input, IReadOnlyList<ShellWord>? written = null)
    {
        _words += words.Count;
        if (++_commands > MaxCommands || _words > MaxWords)
        {
            throw new ShellSyntaxException("it runs more commands than can be followed");
        }
        if (words.Count == 0)
        {
            return ShellValue.Empty;
        }
        if (++_nesting > MaxNesting)
        {
            throw new ShellSyntaxException("it runs commands in commands too deep to follow");
        }
        try
        {
            return DispatchName(words, input, written);
        }
        finally
        {
            _nesting--;
        }
    }

    private ShellValue DispatchName(IReadOnlyList<ShellValue> words, ShellValue? input, IReadOnlyList<ShellWord>? written)
    {
        var arguments = words.Skip(1).ToList();
        if (!words[0].IsKnown)
        {
            return DispatchUnknown(words[0], arguments, input);
        }
        var name = words[0].Text;
        if (name.Contains('/', StringComparison.Ordinal))
        {
            var path = _state.Resolve(name);
            if (_state.Files.TryGetValue(path, out var script))
            {
                return RunScript(path, script, arguments, input);
            }
            Add("./", arguments, [new Effect(EffectKind.Read, path, _surroundings.PathTaint(path))]);
            name = _state.Programs.GetValueOrDefault(path) ?? ShellPath.Name(name);
        }
        else if (_state.Functions.TryGetValue(name, out var body))
        {
            return CallFunction(body, arguments, input);
        }
        if (RunBuiltin(name, arguments, input, written) is { } output)
        {
            return output;
        }
        if (RunWrapped(name, arguments, input) is { } wrapped)
        {
            return wrapped;
        }
        if (s_shells.Contains(name))
        {
            return RunShell(name, arguments, input);
        }
        if (EmbeddedCode.LanguageOf(name) is { } language && RunInterpreter(name, language, arguments, input) is { } printed)
        {
            return printed;
        }
        return RunProgram(name, arguments, input);
    }

    /// <summary>A command whose name is not known: looked at as each risky one that it may be.</summary>
    private ShellValue DispatchUnknown(ShellValue name, List<ShellValue> arguments, ShellValue? input)
    {
        if ((name.Taint & Taint.Download) != Taint.None)
        {
            Add(name.ToString(), arguments, [new Effect(EffectKind.RunsCode, "a command that comes from the network", Taint.Download)]);
            return ShellValue.UnknownFrom(Taint.Download);
        }
        var isLocal = name.Text.Contains('/', StringComparison.Ordinal) && !name.HasHole
            && Below(_state.Resolve(ShellPath.KnownFolder(_state.Resolve(name.Text))), _surroundings.Workspace);
        var isComputed = (name.Taint & Taint.Computed) != Taint.None;
        if (!isLocal && (isComputed || !name.HasHole || arguments.Exists(IsRisky)))
        {
            Add(name.ToString(), arguments, [new Effect(EffectKind.Uncertain, $"the command's name '{name}' is not known before it runs")]);
        }
        // With nothing in the place of what is not known, it may be a command after all: r$@m.
        var bare = new string([.. name.Text.Where(c => !ShellValue.IsMark(c))]);
        if (bare.Length > 0 && bare != name.Text && _surroundings.IsRiskyWord(ShellPath.Name(bare)))
        {
            Add(ShellPath.Name(bare), arguments, [new Effect(EffectKind.Uncertain, $"the command's name '{name}' may be '{bare}'")]);
        }
        return RunProgram(name.ToString(), arguments, input);
    }

    private static bool Below(string path, string folder) => path == folder || path.StartsWith(folder + "/", StringComparison.Ordinal);

    /// <summary>Whether a word is one for which a command must be understood.</summary>
    private bool IsRisky(ShellValue word)
    {
        if (word.Text.Split(' ', '\n', '\t', ';', '|', '&', '(', ')', '`', '"', '\'', '=', ',').Any(
            piece => piece.Length > 0 && _surroundings.IsRiskyWord(ShellPath.Name(piece))))
        {
            return true;
        }
        var isPath = word.Text.StartsWith('/') || word.Text.Contains("..", StringComparison.Ordinal);
        var path = isPath ? _state.Resolve(word.Text) : "";
        return isPath && !Below(path, _surroundings.Workspace) && !Below(path, "/tmp") && !path.StartsWith("/dev/", StringComparison.Ordinal);
    }

    private ShellValue CallFunction(ShellNode body, List<ShellValue> arguments, ShellValue? input)
    {
        if (!_activeFunctions.Add(body))
        {
            return ShellValue.UnknownFrom(Taint.Computed);
        }
        var positional = _state.Positional;
        _state.Positional = [positional[0], .. arguments];
        var output = Run(body, input);
        _state.Positional = positional;
        _activeFunctions.Remove(body);
        return output;
    }

    /// <summary>A shell: <c>sh -c text</c>, <c>sh file</c>, or text on its input.</summary>
    private ShellValue RunShell(string name, List<ShellValue> arguments, ShellValue? input)
    {
        Add(name, arguments, []);
        for (var i = 0; i < arguments.Count; i++)
        {
            var argument = arguments[i].Text;
            if (argument is "-o" or "+o" or "-O" or "+O" or "--rcfile" or "--init-file")
            {
                i++;
            }
            else if (argument.StartsWith("--", StringComparison.Ordinal) && argument.Length > 2)
            {
                continue;
            }
            else if (argument.Length > 1 && argument[0] is '-' or '+' && argument != "--")
            {
                if (argument[0] == '-' && argument.Contains('c', StringComparison.Ordinal))
                {
                    var text = i + 1 < arguments.Count ? arguments[i + 1] : ShellValue.Empty;
                    return Evaluate(text, $"the text that {name} runs", [.. arguments.Skip(i + 2).DefaultIfEmpty(new ShellValue(name))], input);
                }
                if (argument.Contains('s', StringComparison.Ordinal))
                {
                    return RunInput(name, [new ShellValue(name), .. arguments.Skip(i + 1)], input);
                }
                if (argument == "-n")
                {
                    return ShellValue.Empty;
                }
            }
            else if (argument is not ("-" or "--"))
            {
                var path = _state.Resolve(argument);
                return argument is "/dev/stdin" or "/proc/self/fd/0"
                    ? RunInput(name, arguments.Skip(i).ToList(), input)
                    : RunScript(path, ContentOf(path), arguments.Skip(i + 1).ToList(), input);
            }
        }
        return RunInput(name, [new ShellValue(name)], input);
    }

    private ShellValue RunInput(string name, IReadOnlyList<ShellValue> positional, ShellValue? input) =>
        input is { } text ? Evaluate(text, $"what {name} reads and runs", positional, null) : ShellValue.Empty;

    private ShellValue RunScript(string path, ShellValue content, List<ShellValue> arguments, ShellValue? input)
    {
        var firstLine = content.Text.Split('\n', 2)[0];
        if (content.IsKnown && firstLine.StartsWith("#!", StringComparison.Ordinal)
            && EmbeddedCode.LanguageOf(ShellPath.Name(firstLine.Split(' ')[^1])) is { } language)
        {
            InspectCode(language, content, input);
            return ShellValue.UnknownFrom(Taint.Computed | content.Taint);
        }
        return Evaluate(content, $"the file {path}", [new ShellValue(path), .. arguments], input);
    }

    /// <summary>Runs a text as shell commands: known text is gone through, other text is judged by where it comes from.</summary>
    private ShellValue Evaluate(ShellValue text, string what, IReadOnlyList<ShellValue>? positional, ShellValue? input)
    {
        if ((text.Taint & Taint.Download) != Taint.None)
        {
            Add("sh", [], [new Effect(EffectKind.RunsCode, $"{what} comes from the network", Taint.Download)]);
        }
        else if (text.HasHole && (text.Taint == Taint.None || (text.Taint & ~OfFiles) != Taint.None))
        {
            // A file of the workspace is a script like any other; anything else could have any text in it.
            var isWhole = text.Text.Trim().All(ShellValue.IsMark);
            if (isWhole || (text.Taint & Taint.Computed) != Taint.None || IsRisky(text))
            {
                Add("sh", [], [new Effect(EffectKind.Uncertain, $"{what} is not known before it runs")]);
            }
        }
        if (text.Text.All(c => ShellValue.IsMark(c) || char.IsWhiteSpace(c)))
        {
            return ShellValue.UnknownFrom(Taint.Computed | text.Taint);
        }
        var old = _state.Positional;
        _state.Positional = positional ?? old;
        try
        {
            return positional is null ? RunText(text.Text, input) : _state.Subshell(() => RunText(text.Text, input));
        }
        finally
        {
            _state.Positional = old;
        }
    }
}
