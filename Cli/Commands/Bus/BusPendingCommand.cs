using System.CommandLine;
using System.Text.Json.Nodes;
using AgentKernel.Cli.Terminal;

namespace AgentKernel.Cli.Commands.Bus;

/// <summary><c>bus pending</c>: what waits for a human.</summary>
internal static class BusPendingCommand
{
    public static Command Create()
    {
        var command = new Command("pending", "Lists what agents want to do and may not before you have said so.");
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var pending = await connection.Kernel.Buses.PendingAsync(cancellationToken: cancellationToken);
        if (new Output(command).Json)
        {
            Output.WriteJson(new JsonObject { ["pending"] = new JsonArray([.. pending.Select(Output.ToJson)]) });
            return 0;
        }

        foreach (var intention in pending)
        {
            var left = intention.Deadline.ToDateTimeOffset() - DateTimeOffset.UtcNow;
            Console.Out.WriteLine($"{intention.BusId} {intention.IntentionId}  {EntryText.Clean(EntryText.Intention(intention.Intention))}");
            Console.Out.WriteLine($"    {(intention.Reason.Length > 0 ? $"{EntryText.Clean(intention.Reason)}; " : "")}denied by itself in {(left > TimeSpan.Zero ? left : TimeSpan.Zero):hh\\:mm\\:ss}");
        }

        if (pending.Count == 0)
        {
            new Output(command).Remark("nothing waits");
        }

        return 0;
    }
}
