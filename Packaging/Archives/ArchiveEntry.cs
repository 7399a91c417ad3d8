namespace AgentKernel.Packaging.Archives;

/// <summary>What an archive may hold. Devices, pipes and sockets have no place in one.</summary>
internal enum EntryKind
{
    File,
    Directory,
    SymbolicLink,
    HardLink,
}

/// <summary>One entry of a tar archive.</summary>
/// <param name="Path">Relative, with <c>/</c> between its parts, without a <c>/</c> at the end.</param>
/// <param name="Mode">The permission bits, the sticky one among them; set-user-id and set-group-id are never kept.</param>
/// <param name="Size">The length of a file's content in bytes; 0 for all else.</param>
/// <param name="Target">Where a link leads; null for all else.</param>
internal sealed record ArchiveEntry(string Path, EntryKind Kind, UnixFileMode Mode, long Size = 0, string? Target = null)
{
    public const UnixFileMode PermissionBits = (UnixFileMode)0b1_111_111_111;

    public static ArchiveEntry Directory(string path, UnixFileMode mode = (UnixFileMode)0b111_101_101) =>
        new(path, EntryKind.Directory, mode);

    public static ArchiveEntry File(string path, long size, UnixFileMode mode = (UnixFileMode)0b110_100_100) =>
        new(path, EntryKind.File, mode, size);

    public static ArchiveEntry SymbolicLink(string path, string target) =>
        new(path, EntryKind.SymbolicLink, (UnixFileMode)0b111_111_111, Target: target);
}
