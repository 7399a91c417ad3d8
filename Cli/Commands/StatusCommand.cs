using System.CommandLine;
using System.Text.Json.Nodes;
using AgentKernel.Cli.Terminal;
using Spectre.Console;

namespace AgentKernel.Cli.Commands;

/// <summary><c>status</c>: agents and teams.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var command = new Command("status", "Lists the agents, those that ended in the last hour included, and the teams.");
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var status = await connection.Kernel.StatusAsync(cancellationToken);
        if (new Output(command).Json)
        {
            Output.WriteJson(new JsonObject
            {
                ["agents"] = new JsonArray([.. status.Agents.Select(Output.ToJson)]),
                ["teams"] = new JsonArray([.. status.Teams.Select(Output.ToJson)]),
            });
            return 0;
        }

        if (status.Agents.Count == 0)
        {
            Console.WriteLine("No agents. Start one with 'agentkernel spawn NAME'.");
        }
        else
        {
            AnsiConsole.Write(AgentTable.OfAgents(status.Agents, DateTimeOffset.UtcNow));
        }

        if (status.Teams.Count > 0)
        {
            AnsiConsole.WriteLine();
            AnsiConsole.Write(AgentTable.OfTeams(status.Teams));
        }

        return 0;
    }
}
