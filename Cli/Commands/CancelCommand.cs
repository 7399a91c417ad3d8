using System.CommandLine;
using AgentKernel.Cli.Terminal;
using AgentKernel.Contracts.V1;

namespace AgentKernel.Cli.Commands;

/// <summary><c>cancel</c>: ends the running turn.</summary>
internal static class CancelCommand
{
    private static readonly Argument<string> Agent = AgentArgument.Create();

    public static Command Create()
    {
        var command = new Command("cancel", "Ends an agent's running turn, whoever began it. The agent goes on.") { Agent };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var agent = await connection.FindOwnedAsync(command.GetRequiredValue(Agent), cancellationToken);
        var cancelled = await connection.Kernel.Agents.CancelTurnAsync(agent, cancellationToken);
        new Output(command).Write(new CancelTurnResponse { Cancelled = cancelled }, cancelled ? "The turn was cancelled." : "No turn was running.");
        return 0;
    }
}
