using System.CommandLine;
using System.Text.Json.Nodes;
using AgentKernel.Cli.Terminal;

namespace AgentKernel.Cli.Commands;

/// <summary><c>cleanup</c>: ends all there is.</summary>
internal static class CleanupCommand
{
    public static Command Create()
    {
        var command = new Command("cleanup", "Ends every agent and deletes every team.");
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        var output = new Output(command);
        using var connection = KernelConnection.Open(command);
        var killed = await output.WhileAsync("Ending all agents …", () => connection.Kernel.CleanupAsync(cancellationToken));
        connection.Credentials.Remove(killed.Select(agent => agent.Id).ToHashSet(StringComparer.Ordinal));
        if (output.Json)
        {
            Output.WriteJson(new JsonObject { ["killed"] = new JsonArray([.. killed.Select(Output.ToJson)]) });
        }
        else
        {
            Console.WriteLine(killed.Count == 0 ? "No agents were running." : $"Ended {killed.Count}: {string.Join(", ", killed.Select(agent => agent.Name))}.");
        }

        return 0;
    }
}
