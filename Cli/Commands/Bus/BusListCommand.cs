using System.CommandLine;
using System.Text.Json.Nodes;
using AgentKernel.Cli.Terminal;

namespace AgentKernel.Cli.Commands.Bus;

/// <summary><c>bus list</c>.</summary>
internal static class BusListCommand
{
    public static Command Create()
    {
        var command = new Command("list", "Lists the buses, those of agents that have ended too.");
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var buses = await connection.Kernel.Buses.ListAsync(cancellationToken: cancellationToken);
        if (new Output(command).Json)
        {
            Output.WriteJson(new JsonObject { ["buses"] = new JsonArray([.. buses.Select(Output.ToJson)]) });
            return 0;
        }

        foreach (var bus in buses)
        {
            var safety = bus.DeciderPolicy == "ON_BY_DEFAULT" ? "safety off, logs only" : bus.DeciderPolicy == "OFF_BY_DEFAULT" ? "allows nothing" : $"voters: {(bus.VoterIds.Count == 0 ? "none but a human" : string.Join(", ", bus.VoterIds.Select(EntryText.Clean)))}";
            Console.Out.WriteLine($"{bus.BusId}  {bus.TailPosition} entries  {safety}{(bus.Undecided > 0 ? $"  {bus.Undecided} undecided" : "")}{(bus.Pending > 0 ? $", {bus.Pending} of them wait for you" : "")}");
        }

        return 0;
    }
}
