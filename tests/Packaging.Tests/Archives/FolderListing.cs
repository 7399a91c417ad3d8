using System.Security.Cryptography;

namespace AgentKernel.Packaging.Tests.Archives;

/// <summary>What is in a folder, a line an entry: path, kind, permissions, and the content's digest or the link's target.</summary>
internal static class FolderListing
{
    public static string[] Of(string folder) => [.. Directory.EnumerateFileSystemEntries(folder, "*", new EnumerationOptions
    {
        RecurseSubdirectories = true,
        AttributesToSkip = FileAttributes.None,
    }).Order(StringComparer.Ordinal).Select(path => $"{Path.GetRelativePath(folder, path)} {Describe(path)}")];

    private static string Describe(string path)
    {
        var file = new FileInfo(path);
        if (file.LinkTarget is { } target)
        {
            return $"-> {target}";
        }

        var mode = Convert.ToString((int)file.UnixFileMode, 8);
        return Directory.Exists(path) ? $"folder {mode}" : $"file {mode} {Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)))}";
    }
}
