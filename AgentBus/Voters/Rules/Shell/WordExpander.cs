using System.Text;

namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>Turns words as they are written into the words that a command gets, as far as they can be known.</summary>
/// <param name="substitute">Runs a substitution's commands and gives what they print.</param>
internal sealed class WordExpander(ShellState state, Func<Sequence, ShellValue> substitute)
{
    private int _processes;

    /// <summary>All words that one stands for: none, one, or many.</summary>
    public IReadOnlyList<ShellValue> Expand(ShellWord word)
    {
        var fields = new List<ShellValue>();
        foreach (var parts in BraceExpansion.Expand(word.Parts))
        {
            var builder = new FieldBuilder(Separators());
            Append(builder, parts, split: true);
            fields.AddRange(builder.ToFields());
        }
        return fields;
    }

    /// <summary>The one text that a word stands for where the shell does not split: assignments, targets, here documents.</summary>
    public ShellValue ExpandText(ShellWord word)
    {
        var builder = new FieldBuilder("");
        Append(builder, word.Parts, split: false);
        return builder.ToText();
    }

    public IReadOnlyList<ShellValue> ExpandAll(IEnumerable<ShellWord> words) => [.. words.SelectMany(Expand)];

    private string Separators() =>
        state.Variables.TryGetValue("IFS", out var items) && items is [{ IsKnown: true } own] ? own.Text + " \t\n" : " \t\n";

    private void Append(FieldBuilder builder, IReadOnlyList<WordPart> parts, bool split)
    {
        for (var i = 0; i < parts.Count; i++)
        {
            switch (parts[i])
            {
                case LiteralPart { Quoted: true } literal:
                    builder.Append(literal.Text, Taint.None);
                    break;
                case LiteralPart literal:
                    builder.AppendGlob(i == 0 ? ExpandTilde(literal.Text) : literal.Text);
                    break;
                case VariablePart variable:
                    Append(builder, variable, split && !variable.Quoted);
                    break;
                case SubstitutionPart substitution:
                    var output = substitute(substitution.Body);
                    AppendValue(builder, output with { Text = output.Text.TrimEnd('\n') }, split && !substitution.Quoted);
                    break;
                case ProcessPart process:
                    builder.Append(AddProcess(process), Taint.None);
                    break;
                case ArithmeticPart arithmetic:
                    var number = ExpandText(arithmetic.Inner);
                    builder.Append(int.TryParse(number.Text, out _) ? number.Text.Trim() : ShellValue.Star.ToString(), Taint.None);
                    break;
                case ArrayPart array:
                    builder.Append(string.Join(' ', ExpandAll(array.Items).Select(item => item.Text)), Taint.None);
                    break;
            }
        }
    }

    private void Append(FieldBuilder builder, VariablePart variable, bool split)
    {
        var values = VariableExpansion.Evaluate(state, variable, ExpandText);
        var isList = variable.Name == "@" || variable.Subscript == "@" || (split && (variable.Name == "*" || variable.Subscript == "*"));
        for (var i = 0; i < values.Count; i++)
        {
            if (i > 0)
            {
                if (isList)
                {
                    builder.Break();
                }
                else
                {
                    builder.Append(" ", Taint.None);
                }
            }
            AppendValue(builder, values[i], split);
        }
    }

    private static void AppendValue(FieldBuilder builder, ShellValue value, bool split)
    {
        if (split)
        {
            builder.AppendSplit(value);
        }
        else
        {
            builder.Append(value.Text, value.Taint);
        }
    }

    /// <summary>The substituted process as a file that the line has made.</summary>
    private string AddProcess(ProcessPart process)
    {
        var content = substitute(process.Body);
        var path = $"/dev/fd/{63 - (_processes++ % 50)}";
        if (process.IsInput)
        {
            state.Files[path] = content;
        }
        return path;
    }

    private string ExpandTilde(string text)
    {
        if (!text.StartsWith('~'))
        {
            return text;
        }
        var end = text.IndexOf('/', StringComparison.Ordinal);
        var user = end < 0 ? text[1..] : text[1..end];
        var rest = end < 0 ? "" : text[end..];
        return user switch
        {
            "" => state.Home + rest,
            "+" or "-" => state.Folder + rest,
            "root" => "/root" + rest,
            _ when user.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') => $"/home/{user}{rest}",
            _ => text,
        };
    }

    private sealed class FieldBuilder(string separators)
    {
        private readonly List<ShellValue> _fields = [];
        private readonly StringBuilder _text = new();
        private Taint _taint;
        private bool _hasField;

        public void Append(string text, Taint taint)
        {
            _text.Append(_text.Length < ShellValue.MaxLength ? text : "");
            _taint |= taint;
            _hasField = true;
        }

        public void AppendGlob(string text)
        {
            ShellPath.AppendGlob(_text, text);
            _hasField = true;
        }

        public void AppendSplit(ShellValue value)
        {
            var word = new StringBuilder();
            foreach (var character in value.Text)
            {
                if (separators.Contains(character, StringComparison.Ordinal))
                {
                    Flush(word, value.Taint);
                    Break();
                }
                else
                {
                    word.Append(character);
                }
            }
            Flush(word, value.Taint);
        }

        public void Break()
        {
            if (_hasField)
            {
                _fields.Add(new ShellValue(_text.ToString(), _taint).Bounded());
            }
            _text.Clear();
            _taint = Taint.None;
            _hasField = false;
        }

        public List<ShellValue> ToFields()
        {
            Break();
            return _fields;
        }

        public ShellValue ToText() => new ShellValue(_text.ToString(), _taint).Bounded();

        private void Flush(StringBuilder word, Taint taint)
        {
            if (word.Length > 0)
            {
                ShellPath.AppendGlob(_text, word.ToString());
                _taint |= taint;
                _hasField = true;
                word.Clear();
            }
        }
    }
}
