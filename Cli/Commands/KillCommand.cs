using System.CommandLine;
using AgentKernel.Cli.Terminal;

namespace AgentKernel.Cli.Commands;

/// <summary><c>kill</c>: ends agents.</summary>
internal static class KillCommand
{
    private static readonly Argument<string[]> Agents = new("AGENT") { Description = "The agents' names, or the beginnings of their ids", Arity = ArgumentArity.OneOrMore };

    public static Command Create()
    {
        var command = new Command("kill", "Ends agents and all that they started, and returns when they are gone.") { Agents };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        var output = new Output(command);
        using var connection = KernelConnection.Open(command);
        // All are found before the first is ended: a mistyped one ends none.
        var agents = await Task.WhenAll(command.GetRequiredValue(Agents).Select(name => connection.FindAsync(name, cancellationToken)));
        foreach (var agent in agents)
        {
            var ended = await output.WhileAsync($"Ending {agent.Name} …", () => connection.Kernel.Spawner.KillAsync(agent.Id, cancellationToken));
            connection.Credentials.Remove(new HashSet<string> { agent.Id });
            output.Write(ended, $"{ended.Name} {ended.Id} is {AgentTable.Word(ended.State)}: {ended.Exit?.Reason}");
        }

        return 0;
    }
}
