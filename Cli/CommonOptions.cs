using System.CommandLine;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Cli;

/// <summary>The options that every command has.</summary>
internal static class CommonOptions
{
    public static readonly Option<string?> Home = new("--home")
    {
        Description = $"The kernel's data directory [default: {DataDirectory.HomeVariable}, or ~/.agentkernel]",
        HelpName = "DIR",
        Recursive = true,
    };

    public static readonly Option<bool> Json = new("--json")
    {
        Description = "Prints JSON, one document or one line an event, and nothing else",
        Recursive = true,
    };
}
