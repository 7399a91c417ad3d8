namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>Programs that are neither shells nor run others.</summary>
internal sealed partial class ShellAnalyzer
{
    private static readonly string[] s_environmentReaders = ["env", "printenv", "compgen"];

    private ShellValue RunProgram(string name, List<ShellValue> arguments, ShellValue? input)
    {
        var effects = CollectEffects(name, arguments, input);
        Add(name, arguments, effects);
        FollowFiles(name, arguments, input);
        RunCodeInArguments(name, arguments, input);
        if (_surroundings.IsTrustedOutput(new ShellAction(name, arguments, []).ToString()))
        {
            return ShellValue.Empty;
        }
        if (name is "cat" && input is null && Operands(arguments) is { Count: > 0 } files)
        {
            return Join(files.Select(file => ContentOf(_state.Resolve(file.Text))));
        }
        if (CommandOutput.Of(name, arguments, input, _state) is { } known)
        {
            return known;
        }
        var taint = Taint.Computed | (input?.Taint ?? Taint.None);
        taint = arguments.Aggregate(taint, (all, argument) => all | argument.Taint);
        taint = effects.Where(effect => effect.Kind == EffectKind.Read).Aggregate(taint, (all, effect) => all | Taint.File | effect.Taint | TaintOfFile(effect.Subject));
        if (name is "curl" or "wget" or "nc" or "ncat" or "netcat" or "telnet" or "socat" or "openssl" or "aria2c" or "http")
        {
            taint |= Taint.Download;
        }
        if (s_environmentReaders.Contains(name) && (arguments.Count == 0 || arguments.Exists(argument => VariableExpansion.NamesSecret(argument.Text))))
        {
            taint |= Taint.Sensitive;
        }
        return ShellValue.UnknownFrom(taint);
    }

    private Taint TaintOfFile(string path) => _state.Files.TryGetValue(path, out var content) ? content.Taint : Taint.None;

    private void FollowFiles(string name, List<ShellValue> arguments, ShellValue? input)
    {
        if (name == "tee")
        {
            foreach (var file in Operands(arguments))
            {
                _state.Files[_state.Resolve(file.Text)] = input ?? ShellValue.Unknown;
            }
        }
    }

    /// <summary>Code for other interpreters than the shell's, in options of programs that are no interpreters.</summary>
    private void RunCodeInArguments(string name, List<ShellValue> arguments, ShellValue? input)
    {
        switch (name)
        {
            case "vim" or "vi" or "nvim" or "ex" or "view" or "emacs":
                foreach (var argument in arguments.Where(argument => argument.Text.TrimStart('+', ':', ' ').StartsWith('!')))
                {
                    Evaluate(argument with { Text = argument.Text.TrimStart('+', ':', ' ', '!') }, $"the text that {name} runs", null, null);
                }
                break;
            case "ed" or "vipe" or "dc" or "bc" or "gdb" when input is { } lines:
                foreach (var line in lines.Text.Split('\n').Where(line => line.TrimStart().StartsWith('!')))
                {
                    Evaluate(lines with { Text = line.TrimStart(' ', '!') }, $"the text that {name} runs", null, null);
                }
                break;
            case "sed" when Operands(arguments).FirstOrDefault() is { Text: { } script }:
                RunSedCommand(script);
                break;
            case "make" or "gmake" when input is { } makefile && arguments.Exists(argument => argument.Text is "-f-" or "-" or "/dev/stdin"):
                foreach (var line in makefile.Text.Split('\n'))
                {
                    var recipe = line.StartsWith('\t') ? line.Trim('\t', ' ', '@', '-') : line.Contains(';', StringComparison.Ordinal) ? line[(line.IndexOf(';', StringComparison.Ordinal) + 1)..] : "";
                    Evaluate(makefile with { Text = recipe }, "the recipe that make runs", null, null);
                }
                break;
            case "nc" or "ncat" or "netcat" or "socat":
                if (arguments.Exists(argument => argument.Text is "-e" or "-c" or "--exec" or "--sh-exec" || argument.Text.Contains("exec:", StringComparison.OrdinalIgnoreCase)
                    || argument.Text.Contains("system:", StringComparison.OrdinalIgnoreCase)
                    || (argument.Text is ['-', not '-', ..] && argument.Text.Contains('e', StringComparison.Ordinal))))
                {
                    Add(name, arguments, [new Effect(EffectKind.RunsCode, "a program whose input and output are a network connection", Taint.Download)]);
                }
                break;
        }
    }

    /// <summary>GNU sed's command <c>e</c> runs its text.</summary>
    private void RunSedCommand(string script)
    {
        foreach (var command in script.Split('\n', ';'))
        {
            var at = 0;
            while (at < command.Length && (char.IsAsciiDigit(command[at]) || command[at] is ' ' or ',' or '$' or '!' or '~' or '+'))
            {
                at++;
            }
            if (at + 1 < command.Length && command[at] == 'e' && command[at + 1] == ' ')
            {
                Evaluate(new ShellValue(command[(at + 2)..]), "the text that sed runs", null, null);
            }
            else if (at == 0 && command.Length > 3 && command[0] == 's' && command.LastIndexOf(command[1]) is > 2 and var end && command[(end + 1)..].Contains('e', StringComparison.Ordinal))
            {
                Add("sed", [], [new Effect(EffectKind.Uncertain, "sed runs what its substitution makes")]);
            }
        }
    }
}
