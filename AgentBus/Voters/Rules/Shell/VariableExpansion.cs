namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary><c>$name</c> and <c>${name…}</c>.</summary>
internal static class VariableExpansion
{
    // Cutting tries every length, so both texts are bounded.
    private const int LongestPattern = 64;

    private static readonly string[] s_secretWords = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "PASSPHRASE"];
    private static readonly ShellValue s_segment = new(ShellValue.Star.ToString());

    /// <summary>Whether a variable is by its name one that holds a secret.</summary>
    public static bool NamesSecret(string name) => s_secretWords.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase));

    public static IReadOnlyList<ShellValue> Evaluate(ShellState state, VariablePart variable, Func<ShellWord, ShellValue> expand)
    {
        var values = Lookup(state, variable);
        if (variable.Length)
        {
            return [values is [{ IsKnown: true } known] ? new ShellValue($"{known.Text.Length}") : s_segment];
        }
        if (variable.Indirect)
        {
            values = values is [{ IsKnown: true } name] ? state.Find(name.Text) : [ShellValue.Unknown];
        }
        var argument = variable.Operator.Length > 0 ? expand(variable.Argument) : ShellValue.Empty;
        switch (variable.Operator)
        {
            case ":-" or "-" or ":=" or "=":
                // A variable that only the environment may have: what the line says is the better guess.
                if (values is null || (values.All(value => value.IsEmpty) && variable.Operator[0] == ':'))
                {
                    if (variable.Operator.EndsWith('='))
                    {
                        state.Set(variable.Name, [argument]);
                    }
                    return [argument];
                }
                return values;
            case ":+" or "+":
                return [argument];
        }
        values ??= [Unset(variable.Name)];
        return variable.Operator is "" or ":?" or "?" ? values : [.. values.Select(value => Change(value, variable.Operator, argument))];
    }

    private static ShellValue Unset(string name) => ShellValue.UnknownFrom(NamesSecret(name) ? Taint.Sensitive : Taint.None);

    private static IReadOnlyList<ShellValue>? Lookup(ShellState state, VariablePart variable)
    {
        var items = state.Find(variable.Name);
        if (items is null || variable.Subscript is null or "@" or "*")
        {
            return items is { Count: > 1 } && variable.Subscript is null && variable.Name is not ("@" or "*") ? [items[0]] : items;
        }
        return int.TryParse(variable.Subscript, out var index) && index >= 0
            ? index < items.Count ? [items[index]] : [ShellValue.Empty]
            : [ShellValue.UnknownFrom(items.Aggregate(Taint.None, (taint, item) => taint | item.Taint))];
    }

    private static ShellValue Change(ShellValue value, string operation, ShellValue argument)
    {
        var (text, taint) = value;
        return operation switch
        {
            "^^" => new ShellValue(text.ToUpperInvariant(), taint),
            ",," => new ShellValue(text.ToLowerInvariant(), taint),
            "^" when text.Length > 0 => new ShellValue(char.ToUpperInvariant(text[0]) + text[1..], taint),
            "," when text.Length > 0 => new ShellValue(char.ToLowerInvariant(text[0]) + text[1..], taint),
            "#" or "##" => CutStart(value, argument.Text, operation == "##"),
            "%" or "%%" => CutEnd(value, argument.Text, operation == "%%"),
            "/" or "//" or "/#" or "/%" => Replace(value, operation, argument),
            ":" => Substring(value, argument.Text),
            "@" => argument.Text == "E" && value.IsKnown ? new ShellValue(AnsiEscapes.Decode(text), taint) : value,
            _ => value,
        };
    }

    private static ShellValue CutStart(ShellValue value, string pattern, bool longest)
    {
        if (!value.IsKnown || pattern.Length > LongestPattern || pattern.Contains(ShellValue.Hole, StringComparison.Ordinal))
        {
            // ${path##*/}: the rest is a single name.
            return pattern.EndsWith('/') ? s_segment.With(value.Taint) : ShellValue.UnknownFrom(value.Taint);
        }
        var lengths = Enumerable.Range(0, Math.Min(value.Text.Length, 256) + 1);
        foreach (var length in longest ? lengths.Reverse() : lengths)
        {
            if (GlobMatches(pattern, value.Text[..length]))
            {
                return value with { Text = value.Text[length..] };
            }
        }
        return value;
    }

    private static ShellValue CutEnd(ShellValue value, string pattern, bool longest)
    {
        if (!value.IsKnown || pattern.Length > LongestPattern || pattern.Contains(ShellValue.Hole, StringComparison.Ordinal))
        {
            // What goes is at the end: the known beginning stays, and behind it any name.
            return value.HasHole ? value : value with { Text = value.Text.TrimEnd(ShellValue.Star) + ShellValue.Star };
        }
        var lengths = Enumerable.Range(0, Math.Min(value.Text.Length, 256) + 1);
        foreach (var length in longest ? lengths.Reverse() : lengths)
        {
            if (GlobMatches(pattern, value.Text[^length..]))
            {
                return value with { Text = value.Text[..^length] };
            }
        }
        return value;
    }

    private static ShellValue Replace(ShellValue value, string operation, ShellValue argument)
    {
        var slash = argument.Text.IndexOf('/', StringComparison.Ordinal);
        var from = slash < 0 ? argument.Text : argument.Text[..slash];
        var to = slash < 0 ? "" : argument.Text[(slash + 1)..];
        if (from.Length == 0)
        {
            return value;
        }
        if (from.Any(ShellValue.IsMark) || value.HasHole)
        {
            return ShellValue.UnknownFrom(value.Taint);
        }
        var at = value.Text.IndexOf(from, StringComparison.Ordinal);
        if (at < 0)
        {
            return value;
        }
        return value with
        {
            Text = operation == "//" ? value.Text.Replace(from, to, StringComparison.Ordinal) : value.Text[..at] + to + value.Text[(at + from.Length)..],
        };
    }

    private static ShellValue Substring(ShellValue value, string range)
    {
        var bounds = range.Split(':');
        if (!value.IsKnown || !int.TryParse(bounds[0], out var start) || Math.Abs((long)start) > value.Text.Length)
        {
            return ShellValue.UnknownFrom(value.Taint);
        }
        start = start < 0 ? value.Text.Length + start : start;
        var length = value.Text.Length - start;
        if (bounds.Length > 1)
        {
            if (!int.TryParse(bounds[1], out var wanted))
            {
                return ShellValue.UnknownFrom(value.Taint);
            }
            length = wanted < 0 ? Math.Max(0, length + wanted) : Math.Min(length, wanted);
        }
        return value with { Text = value.Text.Substring(start, length) };
    }

    /// <summary>Here a star passes slashes as well: parameters are no paths.</summary>
    private static bool GlobMatches(string pattern, string text) => ShellPath.Matches(
        "/" + text, "/" + pattern.Replace(ShellValue.Star.ToString(), "**", StringComparison.Ordinal).Replace(ShellValue.Question, '?'));
}
