using AgentKernel.AgentRuntime.Tools;

namespace AgentKernel.AgentRuntime.Bundles;

/// <summary>The program that prepares the workspace, run once before the agent is ready.</summary>
internal static class SetupScript
{
    // The spawner has a limit of its own, which is shorter.
    private static readonly TimeSpan s_longest = TimeSpan.FromHours(1);

    /// <summary>Runs it in the workspace as a tool would be run. What it prints goes to the agent's log.</summary>
    /// <returns>Whether it ended with code 0.</returns>
    public static async Task<bool> RunAsync(byte[] script, ToolSet tools, string workspace, CancellationToken stopping)
    {
        var folder = Path.Join(workspace, ".agentkernel");
        Directory.CreateDirectory(folder);
        var path = Path.Join(folder, "setup");
        await File.WriteAllBytesAsync(path, script, stopping);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            var result = await tools.RunCommandAsync("./.agentkernel/setup", s_longest, stopping);
            foreach (var line in result.Output.TrimEnd().Split('\n'))
                Diagnostics.Write($"setup: {line}");
            if (result.ExitCode != 0)
                Diagnostics.Write($"the setup script ended with code {result.ExitCode}, so the agent is not started");
            return result.ExitCode == 0;
        }
        finally
        {
            File.Delete(path);
        }
    }
}
