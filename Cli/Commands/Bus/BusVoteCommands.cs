using System.CommandLine;
using System.Text.Json.Nodes;
using AgentKernel.Cli.Terminal;

namespace AgentKernel.Cli.Commands.Bus;

/// <summary><c>bus approve</c> and <c>bus deny</c>: a human's vote.</summary>
internal static class BusVoteCommands
{
    private static readonly Option<string> Reason = new("--reason") { Description = "Why; stands on the log, and an agent that is denied is told", HelpName = "TEXT", DefaultValueFactory = _ => "" };
    private static readonly Option<string> Voter = new("--voter") { Description = "The id to vote under, where the bus has more than one human voter", HelpName = "ID", DefaultValueFactory = _ => "" };

    public static Command CreateApprove() => Create("approve", "Votes yes to what an agent wants to do.", approve: true);

    public static Command CreateDeny() => Create("deny", "Votes no to what an agent wants to do.", approve: false);

    private static Command Create(string name, string description, bool approve)
    {
        var command = new Command(name, description) { BusCommand.Agent, BusCommand.Intention, Reason, Voter };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, approve, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, bool approve, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var bus = await BusCommand.FindAsync(connection, command, cancellationToken);
        var intention = command.GetRequiredValue(BusCommand.Intention);
        var position = await connection.Kernel.Buses.VoteAsync(bus.BusId, intention, approve, command.GetRequiredValue(Reason), command.GetRequiredValue(Voter), cancellationToken);
        if (new Output(command).Json)
        {
            Output.WriteJson(new JsonObject { ["bus_id"] = bus.BusId, ["intention_id"] = intention, ["approved"] = approve, ["log_position"] = position });
        }
        else
        {
            Console.Out.WriteLine($"Your {(approve ? "yes" : "no")} to {intention} stands on {bus.BusId}.");
        }

        return 0;
    }
}
