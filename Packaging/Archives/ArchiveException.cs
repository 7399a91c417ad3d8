namespace AgentKernel.Packaging.Archives;

/// <summary>An archive, or a folder to make one of, is refused; the message names the entry and is for its sender.</summary>
internal sealed class ArchiveException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>A refusal because of one entry.</summary>
    public static ArchiveException OfEntry(string path, string why) => new($"entry {Quoted(path)}: {why}");

    /// <summary>A name that a sender chose, on one line and of bounded length.</summary>
    public static string Quoted(string name)
    {
        var shown = name.Length > 200 ? name[..200] + "…" : name;
        return $"'{string.Concat(shown.Select(c => char.IsControl(c) ? $"\\x{(int)c:x2}" : c.ToString()))}'";
    }
}
