using System.Text;

namespace AgentKernel.AgentRuntime.Bundles;

/// <summary>Instructions for a kind of task, in a file SKILL.md: its name and description are always told, the rest is read when it is used.</summary>
internal sealed record Skill(string Name, string Description, string Path)
{
    public const string FileName = "SKILL.md";

    private const int MaxName = 64;
    private const int MaxDescription = 1024;
    private const int MaxFrontMatter = 16 * 1024;

    /// <summary>Reads the front matter; null, and a line in the log, where it does not say what it must.</summary>
    public static Skill? Read(string path, string shown)
    {
        try
        {
            var fields = FrontMatter.Parse(ReadStart(path));
            if (fields is null)
                return Bad("begins with no front matter between two lines '---'");
            if (fields.GetValueOrDefault("name") is not { Length: > 0 and <= MaxName } name || name.Any(char.IsControl))
                return Bad($"has no 'name' of 1 to {MaxName} characters");
            if (fields.GetValueOrDefault("description") is not { Length: > 0 and <= MaxDescription } description)
                return Bad($"has no 'description' of 1 to {MaxDescription} characters");
            return new Skill(name, description.ReplaceLineEndings(" ").Trim(), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Bad(e is UnauthorizedAccessException ? "may not be read" : "cannot be read");
        }

        Skill? Bad(string why)
        {
            Diagnostics.Write($"a skill is left out: {shown} {why}");
            return null;
        }
    }

    private static string ReadStart(string path)
    {
        using var file = File.OpenRead(path);
        var bytes = new byte[MaxFrontMatter];
        return Encoding.UTF8.GetString(bytes, 0, file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));
    }
}
