namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>
/// Goes through a shell text the way a shell would, without running anything: it follows variables, files that
/// the line makes, and what goes through pipes, and lists the commands that would run with their effects. Every
/// branch counts as taken. Work is bounded: what takes more is reported as not understood.
/// </summary>
internal sealed partial class ShellAnalyzer
{
    private const int MaxCommands = 1_500;
    private const int MaxWords = 10_000;
    private const int MaxNesting = 16;
    private const int MaxText = 1_000_000;

    private readonly ShellSurroundings _surroundings;
    private readonly ShellState _state;
    private readonly WordExpander _expander;
    private readonly List<ShellAction> _actions = [];
    private readonly HashSet<ShellNode> _activeFunctions = new(ReferenceEqualityComparer.Instance);
    private readonly Queue<string> _traps = [];
    private int _commands;
    private int _words;
    private int _nesting;
    private int _parsed;

    private ShellAnalyzer(ShellSurroundings surroundings)
    {
        _surroundings = surroundings;
        _state = new ShellState(surroundings.Home, surroundings.Folder);
        _expander = new WordExpander(_state, body => _state.Subshell(() => Run(body, null)));
    }

    /// <exception cref="ShellSyntaxException">It is no shell text, or takes too much to follow; the message says which.</exception>
    public static IReadOnlyList<ShellAction> Analyze(string text, ShellSurroundings surroundings)
    {
        var analyzer = new ShellAnalyzer(surroundings);
        analyzer.RunText(ShellValue.Clean(text), null);
        while (analyzer._traps.TryDequeue(out var trap))
        {
            analyzer.RunText(trap, null);
        }
        return analyzer._actions;
    }

    /// <summary>Analyses a text as a script of its own shell.</summary>
    private ShellValue RunText(string text, ShellValue? input)
    {
        _parsed += text.Length;
        if (_nesting >= MaxNesting || _parsed > MaxText)
        {
            throw new ShellSyntaxException("it runs commands in commands too deep to follow");
        }
        _nesting++;
        var output = Run(ShellParser.Parse(text, _nesting), input);
        _nesting--;
        return output;
    }

    private ShellValue Run(ShellNode node, ShellValue? input)
    {
        switch (node)
        {
            case Sequence sequence:
                return Join(sequence.Nodes.Select(each => Run(each, input)));
            case AndOr list:
                var output = Run(list.Nodes[0], input);
                var rest = ShellValue.Empty;
                _state.Branch(() => rest = Join(list.Nodes.Skip(1).Select(each => Run(each, input))));
                return Join([output, rest]);
            case Pipeline pipeline:
                return RunPipeline(pipeline, input);
            case SimpleCommand command:
                return RunSimple(command, input);
            case Compound compound:
                return RunCompound(compound, input);
            case ForLoop loop:
                return RunFor(loop, input);
            case FunctionDefinition function:
                _state.Functions[function.Name] = function.Body;
                if (CountCalls(function.Body, function.Name) >= 2)
                {
                    Add(function.Name, [], [new Effect(EffectKind.Multiplies, function.Name)]);
                }
                return ShellValue.Empty;
            default:
                return ShellValue.Empty;
        }
    }

    private ShellValue RunPipeline(Pipeline pipeline, ShellValue? input)
    {
        foreach (var stage in pipeline.Stages)
        {
            input = _state.Subshell(() => Run(stage, input));
        }
        return input ?? ShellValue.Empty;
    }

    private ShellValue RunCompound(Compound compound, ShellValue? input)
    {
        _expander.ExpandAll(compound.Words);
        var streams = Redirect(compound.Redirections, input);
        var body = compound.Body;
        var output = compound switch
        {
            { IsSubshell: true } => _state.Subshell(() => Run(body, streams.Input)),
            { IsBranch: true } when body.Nodes.Count > 0 => RunBranch(body, compound.IsRepeated, streams.Input),
            _ => Run(body, streams.Input),
        };
        return Deliver(output, streams);
    }

    private ShellValue RunBranch(Sequence body, bool isRepeated, ShellValue? input)
    {
        var outputs = new List<ShellValue> { Run(body.Nodes[0], input) };
        foreach (var node in body.Nodes.Skip(1))
        {
            _state.Branch(() => outputs.Add(Run(node, input)));
        }
        if (isRepeated)
        {
            // Once more with what the first round has left behind.
            _state.Branch(() => Join(body.Nodes.Select(node => Run(node, input))));
        }
        return Join(outputs);
    }

    private ShellValue RunFor(ForLoop loop, ShellValue? input)
    {
        var streams = Redirect(loop.Redirections, input);
        var items = loop.Items is null ? _state.Find("@")! : _expander.ExpandAll(loop.Items);
        var outputs = new List<ShellValue>();
        foreach (var item in items.Distinct())
        {
            _state.Set(loop.Variable, [item]);
            _state.Branch(() => outputs.Add(Run(loop.Body, streams.Input)));
        }
        return Deliver(Join(outputs), streams);
    }

    private ShellValue RunSimple(SimpleCommand command, ShellValue? input)
    {
        if (++_commands > MaxCommands)
        {
            throw new ShellSyntaxException("it runs more commands than can be followed");
        }
        var count = 0;
        var assignments = new List<(string Name, bool Appends, IReadOnlyList<ShellValue> Items)>();
        while (count < command.Words.Count && Assignment.TryRead(command.Words[count], out var assignment))
        {
            assignments.Add((assignment.Name, assignment.Appends, Evaluate(assignment)));
            count++;
        }
        var words = _expander.ExpandAll(command.Words.Skip(count));
        var streams = Redirect(command.Redirections, input);
        var sets = assignments.ConvertAll(each => new Effect(EffectKind.Sets, $"{each.Name}={string.Join(' ', each.Items)}"));
        if (sets.Count > 0)
        {
            Add("=", [], sets);
        }
        if (words.Count == 0)
        {
            assignments.ForEach(Assign);
            // $(<file) prints the file.
            return command.Words.Count == count && streams.Input is { } content ? content : ShellValue.Empty;
        }
        var shadowed = assignments.ConvertAll(each => (each.Name, Items: _state.Variables.GetValueOrDefault(each.Name)));
        assignments.ForEach(Assign);
        var output = Dispatch(words, streams.Input, command.Words.Skip(count).ToList());
        foreach (var (name, items) in shadowed)
        {
            if (items is null)
            {
                _state.Variables.Remove(name);
            }
            else
            {
                _state.Variables[name] = items;
            }
        }
        return Deliver(output, streams);
    }

    private IReadOnlyList<ShellValue> Evaluate(Assignment assignment) =>
        assignment.Items is { } items ? _expander.ExpandAll(items) : [_expander.ExpandText(assignment.Value)];

    private void Assign((string Name, bool Appends, IReadOnlyList<ShellValue> Items) assignment)
    {
        var (name, appends, items) = assignment;
        if (!appends)
        {
            _state.Set(name, items);
            return;
        }
        var old = _state.Find(name) ?? [ShellValue.Unknown];
        _state.Set(name, items.Count == 1 && old.Count == 1 ? [Join([old[0], items[0]])] : [.. old, .. items]);
    }

    private static ShellValue Join(IEnumerable<ShellValue> values)
    {
        var all = values.ToList();
        return all.Count == 1
            ? all[0]
            : new ShellValue(string.Concat(all.Select(value => value.Text)), all.Aggregate(Taint.None, (taint, value) => taint | value.Taint)).Bounded();
    }

    private void Add(string command, IReadOnlyList<ShellValue> arguments, IReadOnlyList<Effect> effects) =>
        _actions.Add(new ShellAction(command, arguments, effects));

    private static int CountCalls(ShellNode node, string name) => node switch
    {
        Sequence sequence => sequence.Nodes.Sum(each => CountCalls(each, name)),
        AndOr list => list.Nodes.Sum(each => CountCalls(each, name)),
        Pipeline pipeline => pipeline.Stages.Sum(each => CountCalls(each, name)),
        Compound compound => CountCalls(compound.Body, name),
        ForLoop loop => 2 * CountCalls(loop.Body, name),
        SimpleCommand command => command.Words.Count > 0 && command.Words[0].Bare == name ? 1 : 0,
        _ => 0,
    };
}

/// <summary>A word that sets a variable: <c>name=</c>, <c>name+=</c>, <c>name[…]=</c>.</summary>
internal sealed record Assignment(string Name, bool Appends, ShellWord Value, IReadOnlyList<ShellWord>? Items)
{
    public static bool TryRead(ShellWord word, out Assignment assignment)
    {
        assignment = null!;
        if (word.Parts is not [LiteralPart { Quoted: false } first, ..])
        {
            return false;
        }
        var end = 0;
        while (end < first.Text.Length && (char.IsAsciiLetterOrDigit(first.Text[end]) || first.Text[end] == '_'))
        {
            end++;
        }
        if (end == 0 || char.IsAsciiDigit(first.Text[0]))
        {
            return false;
        }
        var name = first.Text[..end];
        // A subscript may hold expansions, so the equals sign may stand in a later part.
        var isElement = end < first.Text.Length && first.Text[end] == '[';
        for (var i = 0; i < (isElement ? word.Parts.Count : 1); i++)
        {
            var text = word.Parts[i] is LiteralPart { Quoted: false } literal ? literal.Text : "";
            var equals = isElement ? text.IndexOf("]=", StringComparison.Ordinal) is >= 0 and var at ? at + 1 : -1 : text.IndexOf('=', end);
            var appends = equals > 0 && text[equals - 1] == '+';
            if (equals < 0 || (!isElement && equals != end + (appends ? 1 : 0)))
            {
                continue;
            }
            var rest = new List<WordPart>();
            if (equals + 1 < text.Length)
            {
                rest.Add(new LiteralPart(text[(equals + 1)..], false));
            }
            rest.AddRange(word.Parts.Skip(i + 1));
            assignment = new Assignment(name, appends || isElement, new ShellWord(rest), rest is [ArrayPart array, ..] ? array.Items : null);
            return true;
        }
        return false;
    }
}
