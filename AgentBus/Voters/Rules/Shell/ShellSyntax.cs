namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>A piece of a word, as it is written and before anything is expanded.</summary>
internal abstract record WordPart;

/// <param name="Quoted">Then its characters mean themselves: no tilde, brace or glob in it.</param>
internal sealed record LiteralPart(string Text, bool Quoted) : WordPart;

/// <summary>A parameter expansion: <c>$name</c>, or <c>${name op argument}</c>.</summary>
/// <param name="Subscript">What stands in the brackets of an array; null without.</param>
/// <param name="Operator">As written (<c>:-</c>, <c>##</c>, <c>^^</c>, <c>:</c> …); empty for a plain expansion.</param>
internal sealed record VariablePart(string Name, string? Subscript, bool Indirect, bool Length, string Operator, ShellWord Argument, bool Quoted) : WordPart;

/// <summary><c>$(…)</c> or backticks.</summary>
internal sealed record SubstitutionPart(Sequence Body, bool Quoted) : WordPart;

/// <summary><c>&lt;(…)</c> or <c>&gt;(…)</c>.</summary>
internal sealed record ProcessPart(Sequence Body, bool IsInput) : WordPart;

/// <summary><c>$((…))</c>: some number; what runs inside is in <paramref name="Inner"/>.</summary>
internal sealed record ArithmeticPart(ShellWord Inner) : WordPart;

/// <summary>The value of an array assignment, <c>name=(…)</c>; stands behind the literal <c>name=</c>.</summary>
internal sealed record ArrayPart(IReadOnlyList<ShellWord> Items) : WordPart;

internal sealed record ShellWord(IReadOnlyList<WordPart> Parts)
{
    public static ShellWord Empty { get; } = new([]);

    /// <summary>The text of a word that is written without any quoting or expansion; else null.</summary>
    public string? Bare => Parts is [LiteralPart { Quoted: false, Text: var text }] ? text : null;
}

/// <summary>A redirection. A here document's text is there once the parser has passed the line's end.</summary>
internal sealed class Redirection(string descriptor, string operation, ShellWord target)
{
    public string Descriptor => descriptor;

    public string Operation => operation;

    public ShellWord Target => target;

    public ShellWord? HereText { get; set; }
}

internal abstract record ShellNode;

/// <summary>Commands one after another, in the background or not.</summary>
internal sealed record Sequence(IReadOnlyList<ShellNode> Nodes) : ShellNode;

/// <summary>Commands joined by <c>&amp;&amp;</c> or <c>||</c>: any but the first may stay out.</summary>
internal sealed record AndOr(IReadOnlyList<ShellNode> Nodes) : ShellNode;

internal sealed record Pipeline(IReadOnlyList<ShellNode> Stages) : ShellNode;

/// <summary>Assignments are words here: their names are told apart when it is run.</summary>
internal sealed record SimpleCommand(IReadOnlyList<ShellWord> Words, IReadOnlyList<Redirection> Redirections) : ShellNode;

/// <summary>Any compound command but a loop over words: its conditions and bodies in their order.</summary>
/// <param name="IsBranch">Whether all of the body but its first node may stay out.</param>
/// <param name="Words">Words that are expanded beside: the subject of a case, the operands of a test.</param>
internal sealed record Compound(bool IsSubshell, bool IsBranch, bool IsRepeated, IReadOnlyList<ShellWord> Words, Sequence Body, IReadOnlyList<Redirection> Redirections) : ShellNode;

/// <param name="Items">Null for the positional parameters.</param>
internal sealed record ForLoop(string Variable, IReadOnlyList<ShellWord>? Items, Sequence Body, IReadOnlyList<Redirection> Redirections) : ShellNode;

internal sealed record FunctionDefinition(string Name, ShellNode Body) : ShellNode;

/// <summary>The text is not a shell's, or too deep.</summary>
internal sealed class ShellSyntaxException(string message) : Exception(message);
