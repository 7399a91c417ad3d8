using System.CommandLine;
using AgentKernel.Cli.Terminal;
using AgentKernel.Contracts.Bus;

namespace AgentKernel.Cli.Commands.Bus;

/// <summary><c>bus poll</c>, <c>bus tail</c> and <c>bus export</c>: the entries of a bus, one a line.</summary>
internal static class BusReadCommands
{
    private static readonly Option<int?> Max = new("--max") { Description = "At most so many", HelpName = "N" };
    private static readonly Option<int> Last = new("--lines", "-n") { Description = "The last so many", HelpName = "N", DefaultValueFactory = _ => 20 };
    private static readonly Option<bool> Follow = new("--follow", "-f") { Description = "Goes on with each entry that is appended" };
    private static readonly Option<FileInfo?> To = new("--output", "-o") { Description = "Writes to a file that only you can read", HelpName = "FILE" };

    public static Command CreatePoll()
    {
        var command = new Command("poll", "Prints the entries of a bus.") { BusCommand.Agent, BusCommand.From, Max, BusCommand.Kinds };
        command.SetAction(PollAsync);
        return command;
    }

    public static Command CreateTail()
    {
        var command = new Command("tail", "Prints the last entries of a bus.") { BusCommand.Agent, Last, Follow, BusCommand.Kinds };
        command.SetAction(TailAsync);
        return command;
    }

    public static Command CreateExport()
    {
        var command = new Command("export", "Writes a whole bus as JSON lines, one entry each, whole.") { BusCommand.Agent, BusCommand.From, BusCommand.Kinds, To };
        command.SetAction(ExportAsync);
        return command;
    }

    private static async Task<int> PollAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var bus = await BusCommand.FindAsync(connection, command, cancellationToken);
        var left = command.GetValue(Max) ?? int.MaxValue;
        await foreach (var entry in connection.Kernel.Buses.ReadAsync(bus.BusId, command.GetValue(BusCommand.From), BusCommand.KindsOf(command), cancellationToken))
        {
            if (left-- <= 0)
            {
                break;
            }

            Print(command, entry);
        }

        return 0;
    }

    private static async Task<int> TailAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var bus = await BusCommand.FindAsync(connection, command, cancellationToken);
        var kinds = BusCommand.KindsOf(command);
        var last = new Queue<BusEntry>();
        await foreach (var entry in connection.Kernel.Buses.ReadAsync(bus.BusId, kinds.Count > 0 ? 0 : Math.Max(bus.TailPosition - command.GetValue(Last), 0), kinds, cancellationToken))
        {
            last.Enqueue(entry);
            if (last.Count > command.GetValue(Last))
            {
                last.Dequeue();
            }
        }

        var next = last.Count > 0 ? last.Last().Header.LogPosition + 1 : bus.TailPosition;
        foreach (var entry in last)
        {
            Print(command, entry);
        }

        if (command.GetValue(Follow))
        {
            await foreach (var entry in connection.Kernel.Buses.FollowAsync(bus.BusId, next, kinds, cancellationToken))
            {
                Print(command, entry);
            }
        }

        return 0;
    }

    private static async Task<int> ExportAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var bus = await BusCommand.FindAsync(connection, command, cancellationToken);
        await using var file = command.GetValue(To) is { } to
            ? new StreamWriter(to.FullName, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite })
            : null;
        var count = 0;
        await foreach (var entry in connection.Kernel.Buses.ReadAsync(bus.BusId, command.GetValue(BusCommand.From), BusCommand.KindsOf(command), cancellationToken))
        {
            await (file ?? Console.Out).WriteLineAsync(EntryJson.Of(entry).ToJsonString());
            count++;
        }

        new Output(command).Remark($"{count} entries of {bus.BusId}");
        return 0;
    }

    private static void Print(ParseResult command, BusEntry entry)
    {
        if (new Output(command).Json)
        {
            Output.WriteJson(EntryJson.Of(entry));
        }
        else
        {
            Console.Out.WriteLine(EntryText.Line(entry));
        }
    }
}
