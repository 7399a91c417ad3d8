using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;
using AgentKernel.Cli.Terminal;

namespace AgentKernel.Cli.Commands;

/// <summary><c>logs</c>: what an agent's program has printed.</summary>
internal static class LogsCommand
{
    private static readonly Argument<string> Agent = AgentArgument.Create();
    private static readonly Option<bool> Follow = new("--follow", "-f") { Description = "Goes on with what it prints, until it ends" };
    private static readonly Option<long> Tail = new("--tail") { Description = "Only the last so many bytes", HelpName = "BYTES" };

    public static Command Create()
    {
        var command = new Command("logs", "Prints what an agent's program has printed: at most the last 20 MiB are kept.") { Agent, Follow, Tail };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var agent = await connection.FindAsync(command.GetRequiredValue(Agent), cancellationToken);
        if (new Output(command).Json)
        {
            await foreach (var chunk in connection.Kernel.Spawner.ReadLogAsync(agent.Id, command.GetValue(Tail), command.GetValue(Follow), cancellationToken))
            {
                Output.WriteJson(new JsonObject { ["text"] = Encoding.UTF8.GetString(chunk.Span) });
            }

            return 0;
        }

        await using var output = Console.OpenStandardOutput();
        await foreach (var chunk in connection.Kernel.Spawner.ReadLogAsync(agent.Id, command.GetValue(Tail), command.GetValue(Follow), cancellationToken))
        {
            await output.WriteAsync(chunk, cancellationToken);
            await output.FlushAsync(cancellationToken);
        }

        return 0;
    }
}
