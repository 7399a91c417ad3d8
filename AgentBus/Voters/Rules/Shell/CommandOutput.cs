using System.Text;

namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>What the few commands print whose output can be known without running them.</summary>
internal static class CommandOutput
{
    private static readonly ShellValue s_segment = new(ShellValue.Star.ToString());

    /// <returns>Null where it cannot be known.</returns>
    public static ShellValue? Of(string name, IReadOnlyList<ShellValue> arguments, ShellValue? input, ShellState state)
    {
        var options = arguments.Where(argument => argument.Text is ['-', _, ..]).Select(argument => argument.Text).ToList();
        var operands = arguments.Where(argument => argument.Text is not ['-', _, ..]).ToList();
        switch (name)
        {
            case "echo":
                return Echo(arguments);
            case "printf":
                return Printf(arguments);
            case "true" or ":" or "false" or "sleep" or "wait" or "mkdir" or "touch" or "rm" or "cd" or "test" or "[" or "chmod" or "kill":
                return ShellValue.Empty;
            case "cat" or "tee" when operands.Count == 0 || name == "tee":
                return input ?? ShellValue.Empty;
            case "tac" or "sort" or "uniq" or "fold" or "cat" or "head" or "tail" when operands.Count == 0 && input is { IsKnown: true } && options.Count == 0:
                return input;
            case "base64" or "base32" when options.Exists(option => option is "-d" or "-D" or "--decode" or "-di") && operands.Count == 0:
                return Decode(input, text => Convert.FromBase64String(Pad(text)));
            case "base64" when options.Count == 0 && operands.Count == 0 && input is { IsKnown: true } plain:
                return plain with { Text = Convert.ToBase64String(Encoding.UTF8.GetBytes(plain.Text)) + "\n" };
            case "xxd" when options.Exists(option => option.Contains('r', StringComparison.Ordinal)) && options.Exists(option => option.Contains('p', StringComparison.Ordinal)):
                return Decode(input, Convert.FromHexString);
            case "rev" when input is { IsKnown: true } text:
                return text with { Text = string.Join('\n', text.Text.Split('\n').Select(line => new string([.. line.Reverse()]))) };
            case "tr" when input is { IsKnown: true } text && operands.Count > 0:
                return Translate(text, operands, options);
            case "pwd":
                return new ShellValue(state.Folder + "\n");
            case "which" or "type" or "command" when operands is [{ IsKnown: true } program]:
                return program with { Text = program.Text + "\n" };
            case "basename" or "date" or "nproc" or "whoami" or "id" or "hostname" or "uname" or "wc" or "uuidgen" or "arch" or "tty" or "pidof" or "pgrep":
                return s_segment.With(input?.Taint ?? Taint.None).With(operands.Aggregate(Taint.None, (taint, operand) => taint | operand.Taint));
            case "mktemp":
                return new ShellValue($"/tmp/tmp.{ShellValue.Star}\n");
            case "dirname" when operands is [var path]:
                return Dirname(path);
            case "realpath" or "readlink" when operands is [var path] && !path.HasHole:
                return path with { Text = state.Resolve(path.Text) + "\n" };
            case "seq":
                return s_segment;
            case "git" when operands is [{ Text: "rev-parse" }, ..]:
                return options.Contains("--show-toplevel") ? new ShellValue(state.Folder + "\n") : s_segment;
            case "git" when operands is [{ Text: "describe" or "branch" or "symbolic-ref" }, ..]:
                return s_segment;
            case "git" when operands is [{ Text: "ls-files" or "diff" or "grep" }, ..]:
            case "ls" or "fd" or "rg" or "grep" or "ag" when name is "ls" or "fd" || options.Exists(option => option is "-l" or "--files" || (option.Length < 6 && option[1] != '-' && option.Contains('l', StringComparison.Ordinal))):
                return Paths(name, operands, options);
            case "lsof" or "docker" or "podman" or "kubectl" or "ps":
                return new ShellValue(ShellValue.Hole.ToString(), Taint.Computed);
            default:
                return null;
        }
    }

    public static ShellValue Printf(IReadOnlyList<ShellValue> arguments)
    {
        if (arguments.Count == 0)
        {
            return ShellValue.Empty;
        }
        var taint = arguments.Aggregate(Taint.None, (all, argument) => all | argument.Taint);
        var format = AnsiEscapes.Decode(arguments[0].Text);
        var result = new StringBuilder();
        var next = 1;
        do
        {
            var before = next;
            for (var at = 0; at < format.Length; at++)
            {
                if (format[at] != '%')
                {
                    result.Append(format[at]);
                    continue;
                }
                while (++at < format.Length && format[at] is '-' or '+' or ' ' or '#' or '.' or (>= '0' and <= '9'))
                {
                }
                if (at >= format.Length)
                {
                    break;
                }
                var value = format[at] == '%' ? "%" : next < arguments.Count ? arguments[next++].Text : "";
                result.Append(format[at] == 'b' ? AnsiEscapes.Decode(value) : format[at] == 'c' ? value[..Math.Min(1, value.Length)] : value);
            }
            if (next == before)
            {
                break;
            }
        }
        while (next < arguments.Count && result.Length < ShellValue.MaxLength);
        return new ShellValue(result.ToString(), taint).Bounded();
    }

    private static ShellValue Echo(IReadOnlyList<ShellValue> arguments)
    {
        var first = 0;
        var decodes = false;
        var ends = "\n";
        while (first < arguments.Count && arguments[first].Text is ['-', ..] option && option.Length > 1 && option.Skip(1).All(c => c is 'n' or 'e' or 'E'))
        {
            decodes |= option.Contains('e', StringComparison.Ordinal);
            ends = option.Contains('n', StringComparison.Ordinal) ? "" : ends;
            first++;
        }
        var text = string.Join(' ', arguments.Skip(first).Select(argument => argument.Text));
        // sh's own echo decodes without being asked to.
        return new ShellValue((decodes || text.Contains("\\x", StringComparison.Ordinal) || text.Contains("\\0", StringComparison.Ordinal) ? AnsiEscapes.Decode(text) : text) + ends,
            arguments.Aggregate(Taint.None, (all, argument) => all | argument.Taint)).Bounded();
    }

    private static ShellValue? Decode(ShellValue? input, Func<string, byte[]> decode)
    {
        if (input is not { IsKnown: true } text)
        {
            return null;
        }
        try
        {
            var bytes = decode(new string([.. text.Text.Where(c => !char.IsWhiteSpace(c))]));
            return text with { Text = ShellValue.Clean(Encoding.UTF8.GetString(bytes)) };
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static string Pad(string text) => text.TrimEnd('=') is var bare && bare.Length % 4 == 0 ? bare : bare.PadRight(bare.Length + 4 - (bare.Length % 4), '=');

    private static ShellValue Translate(ShellValue text, List<ShellValue> operands, List<string> options)
    {
        var from = Set(operands[0].Text);
        if (options.Exists(option => option.Contains('d', StringComparison.Ordinal)))
        {
            return text with { Text = new string([.. text.Text.Where(c => !from.Contains(c, StringComparison.Ordinal))]) };
        }
        var to = operands.Count > 1 ? Set(operands[1].Text) : "";
        if (to.Length == 0 || options.Count > 0)
        {
            return ShellValue.UnknownFrom(text.Taint | Taint.Computed);
        }
        return text with
        {
            Text = new string([.. text.Text.Select(c => from.LastIndexOf(c) is >= 0 and var at ? to[Math.Min(at, to.Length - 1)] : c)]),
        };
    }

    private static string Set(string text)
    {
        text = AnsiEscapes.Decode(text.Replace("[:upper:]", "A-Z", StringComparison.Ordinal).Replace("[:lower:]", "a-z", StringComparison.Ordinal));
        var result = new StringBuilder();
        for (var at = 0; at < text.Length && result.Length < 1_024; at++)
        {
            if (at + 2 < text.Length && text[at + 1] == '-' && text[at + 2] >= text[at] && text[at + 2] < 256)
            {
                for (var c = text[at]; c <= text[at + 2]; c++)
                {
                    result.Append(c);
                }
                at += 2;
            }
            else
            {
                result.Append(text[at]);
            }
        }
        return result.ToString();
    }

    private static ShellValue Dirname(ShellValue path)
    {
        var slash = path.Text.TrimEnd('/').LastIndexOf('/');
        return path with { Text = slash < 0 ? "." : slash == 0 ? "/" : path.Text[..slash] };
    }

    private static ShellValue Paths(string name, List<ShellValue> operands, List<string> options)
    {
        var roots = name is "ls" ? operands : name is "grep" or "rg" or "ag" && !options.Contains("--files") ? operands.Skip(1).ToList() : [];
        // A glob names the files themselves.
        var found = roots.Count == 0
            ? name == "git" && operands.Count > 1
                ? operands.Skip(1).Select(operand => $"{ShellValue.Below}/{operand.Text.Replace('*', ShellValue.Star)}")
                : [(name == "ls" ? "" : $"{ShellValue.Below}/") + ShellValue.Star]
            : roots.Select(root => name == "ls" ? root.IsKnown && !options.Contains("-d") ? ShellValue.Star.ToString() : root.Text : $"{root.Text.TrimEnd('/')}/{ShellValue.Below}/{ShellValue.Star}");
        return new ShellValue(string.Join('\n', found) + "\n");
    }
}
