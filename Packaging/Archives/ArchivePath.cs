using System.Text;

namespace AgentKernel.Packaging.Archives;

/// <summary>The rules for names in archives.</summary>
internal static class ArchivePath
{
    /// <summary>Linux's limits: the length of a name and of a path, in bytes of UTF-8; the folder it goes to has to fit as well.</summary>
    public const int MaxNameBytes = 255;
    public const int MaxPathBytes = 3072;

    /// <summary>Deeper trees are nobody's, and cost more than they hold.</summary>
    public const int MaxDepth = 128;

    /// <summary>
    /// The name without <c>./</c> before it and <c>/</c> after it; empty for the root itself. Throws
    /// <see cref="ArchiveException"/> for one that is absolute, leads upwards or cannot be a path.
    /// </summary>
    public static string Normalise(string name)
    {
        if (name.Length == 0)
        {
            throw ArchiveException.OfEntry(name, "has no name");
        }

        if (name[0] == '/')
        {
            throw ArchiveException.OfEntry(name, "its path is absolute");
        }

        if (name.Contains('\0', StringComparison.Ordinal) || name.Contains('\ufffd', StringComparison.Ordinal))
        {
            throw ArchiveException.OfEntry(name, "its name is not UTF-8 text");
        }

        var parts = new List<string>();
        foreach (var part in name.Split('/'))
        {
            if (part is "" or ".")
            {
                continue;
            }

            if (part == "..")
            {
                throw ArchiveException.OfEntry(name, "its path contains '..'");
            }

            if (Encoding.UTF8.GetByteCount(part) > MaxNameBytes)
            {
                throw ArchiveException.OfEntry(name, $"a part of its path is longer than {MaxNameBytes} bytes");
            }

            parts.Add(part);
        }

        if (parts.Count > MaxDepth)
        {
            throw ArchiveException.OfEntry(name, $"lies more than {MaxDepth} folders deep");
        }

        var path = string.Join('/', parts);
        return Encoding.UTF8.GetByteCount(path) <= MaxPathBytes
            ? path
            : throw ArchiveException.OfEntry(name, $"its path is longer than {MaxPathBytes} bytes");
    }
}
