namespace AgentKernel.AgentRuntime.Bundles;

/// <summary>Files that were given to the agent: programs and modules (<c>helpers</c>), a <c>skill</c>, or <c>data</c>.</summary>
internal sealed record Bundle(string Name, string Type, string Path)
{
    public const string Helpers = "helpers";

    private static readonly string[] s_types = [Helpers, "skill", "data"];

    public static bool IsType(string type) => s_types.Contains(type);

    /// <summary>A folder's name: 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit.</summary>
    public static bool IsName(string name) =>
        name.Length is > 0 and <= 63 && (char.IsAsciiLetterLower(name[0]) || char.IsAsciiDigit(name[0]))
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.');
}
