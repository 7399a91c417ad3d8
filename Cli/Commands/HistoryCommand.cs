using System.CommandLine;
using System.Globalization;
using AgentKernel.Cli.Terminal;
using AgentKernel.Contracts.V1;

namespace AgentKernel.Cli.Commands;

/// <summary><c>history</c>: the conversation so far.</summary>
internal static class HistoryCommand
{
    private static readonly Argument<string> Agent = AgentArgument.Create();
    private static readonly Option<int?> Last = new("--last") { Description = "Only the last so many entries", HelpName = "N" };

    public static Command Create()
    {
        var command = new Command("history", "Prints an agent's conversation, oldest first.") { Agent, Last };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var agent = await connection.FindOwnedAsync(command.GetRequiredValue(Agent), cancellationToken);
        var entries = await connection.Kernel.Agents.GetHistoryAsync(agent, command.GetValue(Last), cancellationToken);
        var text = string.Join('\n', entries.Select(entry =>
            $"{entry.Time?.ToDateTimeOffset().ToLocalTime().ToString("HH:mm:ss ", CultureInfo.InvariantCulture)}[{entry.Role}] {entry.Content}"));
        new Output(command).Write(new GetHistoryResponse { Entries = { entries } }, text);
        return 0;
    }
}
