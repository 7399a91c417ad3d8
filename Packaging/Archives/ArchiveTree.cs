namespace AgentKernel.Packaging.Archives;

/// <summary>
/// What an archive amounts to so far, without touching a disk: decides about each entry whether it may be unpacked.
/// Nothing may lie beyond a link, so unpacking never follows one; where links lead is judged when all of them are known,
/// because a later link can turn an earlier one outwards.
/// </summary>
internal sealed class ArchiveTree(ArchiveLimits limits)
{
    /// <summary>As many links as Linux follows for one path.</summary>
    private const int MaxLinksFollowed = 40;

    // One name may differ from another in more than case, or a disk that ignores case would lose one of them.
    private readonly Dictionary<string, Node> _nodes = new(StringComparer.OrdinalIgnoreCase);
    private long _bytes;

    private sealed record Node(ArchiveEntry Entry, bool Implied);

    /// <summary>All entries with the folders that are only implied by the paths of others.</summary>
    public IEnumerable<ArchiveEntry> Entries => _nodes.Values.Select(node => node.Entry);

    /// <summary>The sum of all files' lengths.</summary>
    public long Bytes => _bytes;

    /// <summary>
    /// Takes an entry with a normalised path and answers the folders that must be made before it, outermost first. Throws
    /// <see cref="ArchiveException"/> when it must not be unpacked.
    /// </summary>
    public IReadOnlyList<ArchiveEntry> Add(ArchiveEntry entry)
    {
        var implied = Parents(entry.Path);
        switch (entry.Kind)
        {
            case EntryKind.HardLink:
                entry = entry with { Size = HardLinkSource(entry).Size };
                break;
            case EntryKind.SymbolicLink:
                CheckTarget(entry);
                break;
        }

        if (entry.Size > limits.MaxBytes - _bytes)
        {
            throw ArchiveException.OfEntry(entry.Path, $"with it the archive unpacks to more than {limits.MaxBytes} bytes");
        }

        if (_nodes.TryGetValue(entry.Path, out var present))
        {
            if (present.Entry.Path != entry.Path)
            {
                throw ArchiveException.OfEntry(entry.Path, $"differs only in case from {ArchiveException.Quoted(present.Entry.Path)}");
            }

            if (!present.Implied || entry.Kind is not EntryKind.Directory)
            {
                throw ArchiveException.OfEntry(entry.Path, "is in the archive twice");
            }
        }

        _nodes[entry.Path] = new(entry, Implied: false);
        _bytes += entry.Size;
        CheckCount(entry.Path);
        return implied;
    }

    /// <summary>The file that a hard link names; it has to stand in the archive before the link.</summary>
    public ArchiveEntry HardLinkSource(ArchiveEntry link)
    {
        var target = link.Target ?? "";
        string path;
        try
        {
            path = ArchivePath.Normalise(target);
        }
        catch (ArchiveException)
        {
            throw ArchiveException.OfEntry(link.Path, $"the hard link's target {ArchiveException.Quoted(target)} is outside the archive");
        }

        return _nodes.TryGetValue(path, out var node) && node.Entry.Path == path && node.Entry.Kind is EntryKind.File or EntryKind.HardLink
            ? node.Entry
            : throw ArchiveException.OfEntry(link.Path, $"the hard link's target {ArchiveException.Quoted(target)} is no file that stands before it in the archive");
    }

    /// <summary>To be called after the last entry: throws <see cref="ArchiveException"/> when a link leads out of the root.</summary>
    public void Complete()
    {
        foreach (var node in _nodes.Values)
        {
            if (node.Entry.Kind is EntryKind.SymbolicLink)
            {
                Follow(node.Entry);
            }
        }
    }

    private List<ArchiveEntry> Parents(string path)
    {
        var implied = new List<ArchiveEntry>();
        for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash >= 0; slash = path.IndexOf('/', slash + 1))
        {
            var parent = path[..slash];
            if (!_nodes.TryGetValue(parent, out var node))
            {
                var folder = ArchiveEntry.Directory(parent);
                _nodes[parent] = new(folder, Implied: true);
                implied.Add(folder);
                CheckCount(path);
            }
            else if (node.Entry.Path != parent)
            {
                throw ArchiveException.OfEntry(path, $"its folder differs only in case from {ArchiveException.Quoted(node.Entry.Path)}");
            }
            else if (node.Entry.Kind is EntryKind.SymbolicLink)
            {
                throw ArchiveException.OfEntry(path, $"its path goes through the link {ArchiveException.Quoted(parent)}");
            }
            else if (node.Entry.Kind is not EntryKind.Directory)
            {
                throw ArchiveException.OfEntry(path, $"its path goes through {ArchiveException.Quoted(parent)}, which is a file");
            }
        }

        return implied;
    }

    private void CheckCount(string path)
    {
        if (_nodes.Count > limits.MaxEntries)
        {
            throw ArchiveException.OfEntry(path, $"with it the archive has more than {limits.MaxEntries} entries");
        }
    }

    private static void CheckTarget(ArchiveEntry link)
    {
        if (string.IsNullOrEmpty(link.Target) || link.Target.Length > ArchivePath.MaxPathBytes || link.Target.Contains('\0', StringComparison.Ordinal) || link.Target.Contains('\ufffd', StringComparison.Ordinal))
        {
            throw ArchiveException.OfEntry(link.Path, "the link has no valid target");
        }

        if (link.Target[0] == '/')
        {
            throw ArchiveException.OfEntry(link.Path, $"the link's target {ArchiveException.Quoted(link.Target)} is absolute");
        }
    }

    private void Follow(ArchiveEntry link)
    {
        var at = new List<string>(link.Path.Split('/')[..^1]);
        var ahead = new Stack<string>(link.Target!.Split('/').Reverse());
        var followed = 1;
        while (ahead.TryPop(out var part))
        {
            if (part is "" or ".")
            {
                continue;
            }

            if (part == "..")
            {
                if (at.Count == 0)
                {
                    throw ArchiveException.OfEntry(link.Path, $"the link's target {ArchiveException.Quoted(link.Target!)} is outside the archive");
                }

                at.RemoveAt(at.Count - 1);
                continue;
            }

            at.Add(part);
            var path = string.Join('/', at);
            if (_nodes.TryGetValue(path, out var node) && node.Entry.Path == path && node.Entry.Kind is EntryKind.SymbolicLink)
            {
                if (++followed > MaxLinksFollowed)
                {
                    throw ArchiveException.OfEntry(link.Path, "the link leads in a circle or through too many links");
                }

                at.RemoveAt(at.Count - 1);
                foreach (var next in node.Entry.Target!.Split('/').Reverse())
                {
                    ahead.Push(next);
                }
            }
        }
    }
}
