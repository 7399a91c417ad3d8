namespace AgentKernel.Packaging.Archives;

/// <summary>How much an archive may unpack to.</summary>
/// <param name="MaxBytes">The sum of all files' lengths; a hard link counts as another copy.</param>
/// <param name="MaxEntries">Files, folders and links together.</param>
internal sealed record ArchiveLimits(long MaxBytes = 4L << 30, int MaxEntries = 100_000)
{
    public static readonly ArchiveLimits Default = new();
}
