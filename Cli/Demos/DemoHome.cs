namespace AgentKernel.Cli.Demos;

/// <summary>A data directory for a demo's own kernel, so that it meets no other one; gone afterwards.</summary>
internal sealed class DemoHome : IDisposable
{
    private DemoHome(string path) => Path = path;

    public string Path { get; }

    public static DemoHome Create() => new(Directory.CreateTempSubdirectory("agentkernel-demo-").FullName);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
