using System.Runtime.InteropServices;
using AgentKernel.AgentRuntime.Bundles;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>
/// The folder that the file tools are confined to. A guard against a model's mistakes, not a sandbox: bash
/// runs as the same user, and what separates users is the backend's business.
/// </summary>
internal sealed partial class Workspace(string root, BundleSet bundles)
{
    private readonly string _real = RealPath(root) ?? throw new IOException("the workspace does not exist");

    public string Root => _real;

    /// <summary>The real path of a file to read: in the workspace, or, by its absolute path, in one of the agent's bundles.</summary>
    /// <exception cref="ToolInputException">It lies in neither.</exception>
    public string ResolveToRead(string path)
    {
        if (path.StartsWith('/') && !path.Contains('\0', StringComparison.Ordinal) && RealPath(path) is { } real
            && bundles.Bundles.Any(bundle => RealPath(bundle.Path) is { } folder && real.StartsWith(folder + "/", StringComparison.Ordinal)))
            return real;
        return Resolve(path);
    }

    /// <summary>
    /// The real path of a file that may not exist yet. Symlinks are followed first, so that one that leads
    /// out of the workspace is refused whatever its name is.
    /// </summary>
    /// <exception cref="ToolInputException">It lies outside.</exception>
    public string Resolve(string path)
    {
        if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal))
            throw new ToolInputException("'path' is empty or has a NUL character.");
        var wanted = Path.GetFullPath(path, _real);
        var missing = "";
        for (var existing = wanted; ; existing = Path.GetDirectoryName(existing)!)
        {
            if (RealPath(existing) is { } real)
            {
                var resolved = missing.Length == 0 ? real : Path.Join(real, missing);
                return resolved == _real || resolved.StartsWith(_real + "/", StringComparison.Ordinal) || _real == "/"
                    ? resolved
                    : throw new ToolInputException($"'{path}' is outside the workspace; only files inside it can be reached with this tool.");
            }
            // A link to nowhere has no real path, and writing through it would create its target.
            if (new FileInfo(existing).LinkTarget is not null)
                throw new ToolInputException($"'{path}' leads through a symbolic link to something that does not exist.");
            missing = missing.Length == 0 ? Path.GetFileName(existing) : Path.Join(Path.GetFileName(existing), missing);
        }
    }

    private static string? RealPath(string path)
    {
        var resolved = RealPath(path, 0);
        if (resolved == 0)
            return null;
        try
        {
            return Marshal.PtrToStringUTF8(resolved);
        }
        finally
        {
            Free(resolved);
        }
    }

    [LibraryImport("libc", EntryPoint = "realpath", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint RealPath(string path, nint resolved);

    [LibraryImport("libc", EntryPoint = "free")]
    private static partial void Free(nint memory);
}
