using System.CommandLine;

namespace AgentKernel.Cli.Commands;

/// <summary>The argument of the commands that work on one agent.</summary>
internal static class AgentArgument
{
    public static Argument<string> Create() => new("AGENT") { Description = "The agent's name, or the beginning of its id" };
}
