using System.CommandLine;
using System.Text.Json.Nodes;
using AgentKernel.Cli.Terminal;

namespace AgentKernel.Cli.Commands;

/// <summary><c>ask</c>: one turn, its answer streamed.</summary>
internal static class AskCommand
{
    private static readonly Argument<string> Agent = AgentArgument.Create();
    private static readonly Argument<string> Message = new("MESSAGE") { Description = "What to say; - reads it from standard input" };

    public static Command Create()
    {
        var command = new Command("ask", "Sends an agent one message and prints its answer as it arrives. Ctrl-C cancels the turn.") { Agent, Message };
        command.SetAction(RunAsync);
        return command;
    }

    /// <summary>One user message as a document that both transport formats know.</summary>
    public static string Body(string message) =>
        new JsonObject { ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = message }) }.ToJsonString();

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        var message = command.GetRequiredValue(Message);
        if (message == "-")
        {
            message = await Console.In.ReadToEndAsync(cancellationToken);
        }

        using var connection = KernelConnection.Open(command);
        var agent = await connection.FindOwnedAsync(command.GetRequiredValue(Agent), cancellationToken);
        await TurnPrinter.For(new Output(command)).PrintAsync(connection.Kernel.Agents.TurnAsync(agent, Body(message), cancellationToken));
        return 0;
    }
}
