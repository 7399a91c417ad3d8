using AgentKernel.AgentRuntime.Configuration;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>The tools that there are.</summary>
internal static class ToolNames
{
    public const string Bash = "bash";
    public const string Read = "read";
    public const string Write = "write";
    public const string Edit = "edit";

    private static readonly string[] s_all = [Bash, Read, Write, Edit];

    public static IReadOnlyList<string> Check(IReadOnlyList<string> names)
    {
        var seen = new List<string>(names.Count);
        foreach (var name in names)
        {
            if (!s_all.Contains(name))
                throw new ConfigException($"config key 'tools' names '{name}'; allowed: {string.Join(", ", s_all)}");
            if (!seen.Contains(name))
                seen.Add(name);
        }
        return seen;
    }
}
