using System.Text;

namespace AgentKernel.AgentRuntime;

/// <summary>
/// One-line messages on stderr, which the spawner keeps as the agent's log. Never prompts, tool arguments or
/// keys. Not <see cref="Console.Error"/>: setting that up costs a third of the start.
/// </summary>
internal static class Diagnostics
{
    private static readonly Lock s_writing = new();

    public static void Write(string message)
    {
        var line = Encoding.UTF8.GetBytes($"agent-runtime: {message.ReplaceLineEndings(" ")}\n");
        lock (s_writing)
        {
            using var stderr = Console.OpenStandardError();
            stderr.Write(line);
        }
    }
}
