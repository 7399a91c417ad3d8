using System.Runtime.InteropServices;

namespace AgentKernel.Spawner.AgentTypes;

/// <summary>The entry of the reference agent, whose program comes with the kernel.</summary>
internal static class OpenClaw
{
    public const string Name = "openclaw";

    private const string Program = "agent-runtime";

    /// <param name="program">The path of its program; null: where the kernel's own build put it.</param>
    public static AgentType Type(string? program) => new()
    {
        Name = Name,
        Command = [program ?? FindProgram()],
        Listen = AgentListener.UnixSocket,
        Ready = AgentReadiness.Notify,
        TransportFormats = ["anthropic", "openai"],
        SetupScripts = true,
        // The program runs on the .NET that the kernel runs on, wherever that is installed.
        // Without diagnostics: a killed .NET process leaves its debugger's pipes in the temporary folder.
        Environment = new Dictionary<string, string> { ["DOTNET_ROOT"] = DotNetRoot(), ["DOTNET_EnableDiagnostics"] = "0" },
    };

    // Beside the kernel when published; in the repository's artifacts folder when built from source.
    private static string FindProgram()
    {
        var candidates = new List<string> { Path.Combine(AppContext.BaseDirectory, Program, Program) };
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            candidates.Add(Path.Combine(folder.FullName, "artifacts", Program, Program));
        }

        return candidates.Find(File.Exists) ?? candidates[0];
    }

    private static string DotNetRoot() => Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
}
