namespace AgentKernel.AgentRuntime.Tests.Agents;

/// <summary>A folder that goes with the test; its path is short, because socket paths have to be.</summary>
internal sealed class TestFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("ak-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
