using System.CommandLine;
using System.Text.Json.Nodes;
using AgentKernel.Cli.Terminal;
using AgentKernel.Contracts.V1;
using Spectre.Console;

namespace AgentKernel.Cli.Commands;

/// <summary><c>team</c>: reservations that agents are spawned into.</summary>
internal static class TeamCommand
{
    private static readonly Argument<string> Team = new("TEAM") { Description = "A DNS label: 1 to 63 of a-z, 0-9 and -" };
    private static readonly Option<int?> Agents = new("--agents") { Description = "How many agents it may have", HelpName = "N" };

    public static Command Create()
    {
        var create = new Command("create", "Reserves capacity. What is not said is not limited.") { Team, ResourceOptions.Cpu, ResourceOptions.Memory, ResourceOptions.Processes, ResourceOptions.Disk, Agents };
        create.SetAction(CreateAsync);
        var list = new Command("list", "Lists the teams and what of them is in use.");
        list.SetAction(ListAsync);
        var delete = new Command("delete", "Ends a team's agents and gives its capacity back.") { Team };
        delete.SetAction(DeleteAsync);
        return new Command("team", "Reservations that agents are spawned into.") { create, list, delete };
    }

    private static async Task<int> CreateAsync(ParseResult command, CancellationToken cancellationToken)
    {
        var resources = ResourceOptions.Read(command) ?? new();
        if (command.GetValue(Agents) is { } agents)
        {
            resources.Agents = agents;
        }

        using var connection = KernelConnection.Open(command);
        var team = await connection.Kernel.Spawner.CreateTeamAsync(command.GetRequiredValue(Team), resources, cancellationToken);
        new Output(command).Write(team, $"Team {team.Id} is reserved.");
        return 0;
    }

    private static async Task<int> ListAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var teams = await connection.Kernel.Spawner.ListTeamsAsync(cancellationToken);
        if (new Output(command).Json)
        {
            Output.WriteJson(new JsonObject { ["teams"] = new JsonArray([.. teams.Select(Output.ToJson)]) });
        }
        else
        {
            AnsiConsole.Write(AgentTable.OfTeams(teams));
        }

        return 0;
    }

    private static async Task<int> DeleteAsync(ParseResult command, CancellationToken cancellationToken)
    {
        var output = new Output(command);
        using var connection = KernelConnection.Open(command);
        var id = command.GetRequiredValue(Team);
        var killed = await output.WhileAsync($"Ending the agents of {id} …", () => connection.Kernel.Spawner.DeleteTeamAsync(id, cancellationToken));
        connection.Credentials.Remove(killed.Select(agent => agent.Id).ToHashSet(StringComparer.Ordinal));
        output.Write(new DeleteTeamResponse { Killed = { killed } }, $"Team {id} is gone, and {killed.Count} agents with it.");
        return 0;
    }
}
