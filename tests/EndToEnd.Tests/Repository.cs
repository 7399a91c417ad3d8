namespace AgentKernel.EndToEnd.Tests;

/// <summary>Where the repository's build has put its programs.</summary>
internal static class Repository
{
    private static readonly DirectoryInfo Artifacts = Above(AppContext.BaseDirectory, "artifacts");

    // …/artifacts/bin/EndToEnd.Tests/<configuration>/
    private static readonly string Configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));

    public static string Root => Artifacts.Parent!.FullName;

    public static string Cli => Program("Cli", "agentkernel");

    public static string Program(string project, string name) => Path.Combine(Artifacts.FullName, "bin", project, Configuration, name);

    private static DirectoryInfo Above(string path, string name)
    {
        var folder = new DirectoryInfo(path);
        while (folder.Name != name)
        {
            folder = folder.Parent ?? throw new DirectoryNotFoundException($"no folder {name} above {path}");
        }

        return folder;
    }
}
