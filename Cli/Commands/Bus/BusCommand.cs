using System.CommandLine;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;

namespace AgentKernel.Cli.Commands.Bus;

/// <summary><c>bus</c>: what stands on the agents' buses, and votes on it.</summary>
internal static class BusCommand
{
    public static readonly Argument<string> Agent = new("AGENT") { Description = "An agent's name, the beginning of its id, or the id of its bus" };
    public static readonly Argument<long> Intention = new("INTENTION") { Description = "Its number, as poll and pending show it" };
    public static readonly Option<long> From = new("--from") { Description = "Begins at this entry", HelpName = "N" };
    public static readonly Option<string[]> Kinds = new("--kind") { Description = "Only entries of this kind; may be given more than once", HelpName = "KIND", AllowMultipleArgumentsPerToken = true };

    private static readonly Dictionary<string, SelectivePollType> KindNames = Enum.GetValues<SelectivePollType>().Where(type => type is not SelectivePollType.Unspecified)
        .ToDictionary(EntryText.NameOf);

    public static Command Create() => new("bus", "The agents' logs of what they were asked, want to do, may do and have done.")
    {
        BusListCommand.Create(),
        BusReadCommands.CreatePoll(),
        BusReadCommands.CreateTail(),
        BusShowCommand.Create(),
        BusPendingCommand.Create(),
        BusVoteCommands.CreateApprove(),
        BusVoteCommands.CreateDeny(),
        BusReadCommands.CreateExport(),
    };

    /// <exception cref="UsageException">There is no such kind.</exception>
    public static IReadOnlyCollection<SelectivePollType> KindsOf(ParseResult command) => [.. (command.GetValue(Kinds) ?? []).Select(name => KindNames.TryGetValue(name, out var type)
        ? type
        : throw new UsageException($"--kind is '{name}'; it may be {string.Join(", ", KindNames.Keys)}"))];

    /// <summary>The bus that a name means. Buses of agents that have ended are there too.</summary>
    /// <exception cref="UsageException">None, or more than one.</exception>
    public static async Task<BusSummary> FindAsync(KernelConnection connection, ParseResult command, CancellationToken cancellationToken)
    {
        var wanted = command.GetRequiredValue(Agent);
        var found = (await connection.Kernel.Buses.ListAsync(cancellationToken: cancellationToken))
            .Where(bus => wanted.Length > 0 && bus.BusId.Split('.') is [var name, var id] && (bus.BusId == wanted || name == wanted || id.StartsWith(wanted, StringComparison.Ordinal))).ToList();
        return found switch
        {
            [var bus] => bus,
            [] => throw new UsageException($"there is no bus of '{wanted}'; 'agentkernel bus list' lists them"),
            _ => throw new UsageException($"'{wanted}' is ambiguous: {string.Join(", ", found.Select(bus => bus.BusId))}"),
        };
    }
}
