namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>Where a text has come from, as far as it matters.</summary>
[Flags]
internal enum Taint
{
    None = 0,

    /// <summary>A file that holds secrets.</summary>
    Secret = 1,

    /// <summary>The environment, or a file of the project that holds its keys.</summary>
    Sensitive = 2,

    /// <summary>Some file.</summary>
    File = 4,

    /// <summary>The network.</summary>
    Download = 8,

    /// <summary>A program whose output is not known beforehand.</summary>
    Computed = 16,

    /// <summary>A secret in the place where a service expects one, such as a header.</summary>
    Credential = 32,
}

/// <summary>
/// A text as far as it is known. What is not known stands in it as marks, characters of a private area that
/// input never has: so a text with marks is still a text, and a path with them still has its known folders.
/// </summary>
internal readonly record struct ShellValue(string Text, Taint Taint = Taint.None)
{
    /// <summary>Anything at all, or nothing.</summary>
    public const char Hole = '\uE000';

    /// <summary>Anything that a path's one segment may be: what a glob's star stands for, a number, a generated name.</summary>
    public const char Star = '\uE001';

    /// <summary>One character of such a segment.</summary>
    public const char Question = '\uE002';

    /// <summary>Any path below what stands before it.</summary>
    public const char Below = '\uE003';

    private const char LastMark = Below;

    /// <summary>Longer texts are not followed.</summary>
    public const int MaxLength = 16_384;

    public static ShellValue Empty { get; } = new("");

    public static ShellValue Unknown { get; } = new(Hole.ToString());

    public bool IsKnown => Text.AsSpan().IndexOfAnyInRange(Hole, LastMark) < 0;

    public bool HasHole => Text.Contains(Hole, StringComparison.Ordinal);

    public bool IsEmpty => Text.Length == 0;

    public static bool IsMark(char character) => character is >= Hole and <= LastMark;

    public static ShellValue UnknownFrom(Taint taint) => new(Hole.ToString(), taint);

    /// <summary>Takes characters that would read as marks out of foreign text.</summary>
    public static string Clean(string text) =>
        text.AsSpan().IndexOfAnyInRange(Hole, LastMark) < 0 ? text : string.Concat(text.Select(c => IsMark(c) ? '\uFFFD' : c));

    public ShellValue With(Taint taint) => this with { Taint = Taint | taint };

    public ShellValue Bounded() => Text.Length <= MaxLength ? this : UnknownFrom(Taint);

    /// <summary>For people: marks as they would be written.</summary>
    public override string ToString() => Text.Replace(Hole.ToString(), "<unknown>", StringComparison.Ordinal)
        .Replace(Star, '*').Replace(Question, '?').Replace(Below.ToString(), "**", StringComparison.Ordinal);
}
