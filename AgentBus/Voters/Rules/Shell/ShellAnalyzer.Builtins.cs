namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>The commands that change the shell itself.</summary>
internal sealed partial class ShellAnalyzer
{
    /// <returns>What it prints; null where the name is no such command.</returns>
    private ShellValue? RunBuiltin(string name, List<ShellValue> arguments, ShellValue? input, IReadOnlyList<ShellWord>? written)
    {
        switch (name)
        {
            case "cd" or "pushd":
                var target = arguments.FirstOrDefault(argument => argument.Text.Length > 0 && (argument.Text[0] is not ('-' or '+') || argument.Text == "-"));
                _state.Folder = target.Text switch
                {
                    null => name == "cd" ? _state.Home : ShellValue.Hole.ToString(),
                    "-" => ShellValue.Hole.ToString(),
                    var path => _state.Resolve(path),
                };
                Add(name, arguments, []);
                return ShellValue.Empty;
            case "popd":
                _state.Folder = ShellValue.Hole.ToString();
                return ShellValue.Empty;
            case "eval":
                var text = Join(arguments.SelectMany(argument => (ShellValue[])[argument, new ShellValue(" ")]));
                return Evaluate(text, "the text that eval runs", null, input);
            case "source" or ".":
                Add(name, arguments, []);
                if (arguments.Count == 0)
                {
                    return ShellValue.Empty;
                }
                var file = _state.Resolve(arguments[0].Text);
                var content = arguments[0].Text is "/dev/stdin" ? input ?? ShellValue.Empty : ContentOf(file);
                return Evaluate(content, $"the file {file}", null, input);
            case "export" or "declare" or "typeset" or "local" or "readonly":
                return Declare(name, arguments, written);
            case "set":
                return Set(arguments);
            case "shift":
                _state.Positional = [_state.Positional[0], .. _state.Positional.Skip(2)];
                return ShellValue.Empty;
            case "read":
                Read(arguments, input);
                return ShellValue.Empty;
            case "mapfile" or "readarray":
                _state.Set(arguments.LastOrDefault(argument => !argument.Text.StartsWith('-')).Text ?? "MAPFILE", [input ?? ShellValue.Unknown]);
                return ShellValue.Empty;
            case "printf" when arguments is [{ Text: "-v" }, var variable, ..]:
                _state.Set(variable.Text, [CommandOutput.Printf(arguments.Skip(2).ToList())]);
                return ShellValue.Empty;
            case "trap":
                Add(name, arguments, []);
                if (arguments.FirstOrDefault(argument => !argument.Text.StartsWith('-')) is { Text.Length: > 0 } action)
                {
                    _traps.Enqueue(action.Text);
                    Evaluate(action, "the trap", null, null);
                }
                return ShellValue.Empty;
            case "alias":
                foreach (var argument in arguments.Where(argument => argument.Text.Contains('=', StringComparison.Ordinal)))
                {
                    Evaluate(argument with { Text = argument.Text[(argument.Text.IndexOf('=', StringComparison.Ordinal) + 1)..] }, "the alias", null, null);
                }
                return ShellValue.Empty;
            case "unset":
                foreach (var argument in arguments)
                {
                    _state.Set(argument.Text, [ShellValue.Empty]);
                }
                Add(name, arguments, []);
                return ShellValue.Empty;
            default:
                return null;
        }
    }

    private ShellValue Declare(string name, List<ShellValue> arguments, IReadOnlyList<ShellWord>? written)
    {
        Add(name, arguments, [.. arguments.Where(argument => argument.Text.Contains('=', StringComparison.Ordinal)).Select(argument => new Effect(EffectKind.Sets, argument.Text))]);
        foreach (var word in written?.Skip(1) ?? [])
        {
            if (Assignment.TryRead(word, out var assignment))
            {
                Assign((assignment.Name, assignment.Appends, Evaluate(assignment)));
            }
        }
        return arguments.Exists(argument => argument.Text.Contains('=', StringComparison.Ordinal))
            ? ShellValue.Empty : ShellValue.UnknownFrom(Taint.Computed | Taint.Sensitive);
    }

    private ShellValue Set(List<ShellValue> arguments)
    {
        var values = arguments.FindIndex(argument => argument.Text == "--");
        if (values >= 0 || (arguments.Count > 0 && arguments[0].Text.Length > 0 && arguments[0].Text[0] is not ('-' or '+')))
        {
            _state.Positional = [_state.Positional[0], .. arguments.Skip(values + 1)];
            return ShellValue.Empty;
        }
        Add("set", arguments, []);
        return arguments.Count == 0 ? ShellValue.UnknownFrom(Taint.Computed | Taint.Sensitive) : ShellValue.Empty;
    }

    private void Read(List<ShellValue> arguments, ShellValue? input)
    {
        var text = input is { IsKnown: true } known ? known with { Text = known.Text.TrimEnd('\n') } : input ?? ShellValue.Unknown;
        // Of paths that are printed a line each, any one may be read.
        text = text.Text.Contains('\n', StringComparison.Ordinal) ? ShellValue.UnknownFrom(text.Taint | Taint.Computed) : text;
        var isAssigned = false;
        for (var i = 0; i < arguments.Count; i++)
        {
            var argument = arguments[i].Text;
            if (argument.StartsWith('-'))
            {
                i += argument is "-d" or "-n" or "-N" or "-p" or "-t" or "-u" or "-i" ? 1 : 0;
                continue;
            }
            _state.Set(argument, [text]);
            isAssigned = true;
        }
        if (!isAssigned)
        {
            _state.Set("REPLY", [text]);
        }
    }
}
