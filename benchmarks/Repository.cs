namespace AgentKernel.Benchmarks;

/// <summary>Where the repository's build has put its programs.</summary>
internal static class Repository
{
    private static readonly string Artifacts = FindArtifacts();

    // …/artifacts/bin/Benchmarks/<configuration>/
    private static readonly string Configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));

    public static string AgentRuntime => Path.Combine(Artifacts, "agent-runtime", "agent-runtime");

    public static string Hello => Path.Combine(Artifacts, "bin", "Hello", Configuration, "AgentKernel.Hello");

    public static string LoadAgent => Path.Combine(Artifacts, "bin", "LoadAgent", Configuration, "AgentKernel.LoadAgent");

    public static string AgentBus => Path.Combine(Artifacts, "bin", "AgentBus", Configuration, "AgentKernel.AgentBus");

    public static string Cli => Path.Combine(Artifacts, "bin", "Cli", Configuration, "agentkernel");

    public static string ImageBuilder => Path.Combine(Artifacts, "bin", "ImageBuilder", Configuration, "AgentKernel.ImageBuilder");

    private static string FindArtifacts()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (folder.Name == "artifacts")
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException("run the benchmarks from the repository: dotnet run -c Release --project benchmarks");
    }
}
