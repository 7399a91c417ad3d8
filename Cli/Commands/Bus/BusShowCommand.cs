using System.CommandLine;
using System.Text.Json.Nodes;
using AgentKernel.Cli.Terminal;
using AgentKernel.Contracts.Bus;

namespace AgentKernel.Cli.Commands.Bus;

/// <summary><c>bus show</c>: intentions with their votes, the decision, and what came of them.</summary>
internal static class BusShowCommand
{
    private static readonly Argument<long?> Only = new("INTENTION") { Description = "Only this one; its number, as poll shows it", Arity = ArgumentArity.ZeroOrOne };

    private static readonly SelectivePollType[] Kinds =
        [SelectivePollType.Intention, SelectivePollType.Vote, SelectivePollType.Commit, SelectivePollType.Abort, SelectivePollType.ActionOutput];

    public static Command Create()
    {
        var command = new Command("show", "Shows what an agent wanted to do, who voted how, what was decided, and what came of it.") { BusCommand.Agent, Only };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var bus = await BusCommand.FindAsync(connection, command, cancellationToken);
        var only = command.GetValue(Only);
        var stories = new SortedDictionary<long, List<BusEntry>>();
        await foreach (var entry in connection.Kernel.Buses.ReadAsync(bus.BusId, only ?? 0, Kinds, cancellationToken))
        {
            var id = IntentionOf(entry);
            if (only is not null && id != only)
            {
                continue;
            }

            if (!stories.TryGetValue(id, out var story))
            {
                stories[id] = story = [];
            }

            story.Add(entry);
        }

        if (only is not null && !stories.ContainsKey(only.Value))
        {
            throw new UsageException($"{bus.BusId} has no intention {only}");
        }

        foreach (var (id, story) in stories)
        {
            if (new Output(command).Json)
            {
                Output.WriteJson(new JsonObject { ["intention_id"] = id, ["entries"] = new JsonArray([.. story.Select(EntryJson.Of)]) });
            }
            else
            {
                Print(id, story, whole: only is not null);
            }
        }

        return 0;
    }

    private static void Print(long id, List<BusEntry> story, bool whole)
    {
        foreach (var entry in story)
        {
            var (what, text) = entry.Payload.PayloadCase switch
            {
                Payload.PayloadOneofCase.Intention => ($"#{id}", EntryText.Intention(entry.Payload.Intention.StringIntention)),
                Payload.PayloadOneofCase.Vote => ("  vote", $"{entry.Payload.Vote.VoterId}: {EntryText.Vote(entry.Payload.Vote)}"),
                Payload.PayloadOneofCase.Commit => ("  commit", entry.Payload.Commit.Reason),
                Payload.PayloadOneofCase.Abort => ("  abort", entry.Payload.Abort.Reason),
                _ => ("  output", entry.Payload.ActionOutput.StringActionOutput),
            };
            var clean = EntryText.Clean(text);
            Console.Out.WriteLine($"{what,-10}{EntryText.Time(entry)}  {(whole || clean.Length <= 200 ? clean : $"{clean[..200]}…")}");
        }

        var decision = story.Find(entry => entry.Payload.PayloadCase is Payload.PayloadOneofCase.Commit or Payload.PayloadOneofCase.Abort);
        if (decision is null)
        {
            Console.Out.WriteLine("  undecided");
        }
        else if (decision.Payload.Commit is not null && !story.Exists(entry => entry.Payload.PayloadCase is Payload.PayloadOneofCase.ActionOutput))
        {
            Console.Out.WriteLine("  outcome unknown: it may be running, or the agent ended before it could say");
        }
    }

    private static long IntentionOf(BusEntry entry) => entry.Payload.PayloadCase switch
    {
        Payload.PayloadOneofCase.Vote => entry.Payload.Vote.IntentionId,
        Payload.PayloadOneofCase.Commit => entry.Payload.Commit.IntentionId,
        Payload.PayloadOneofCase.Abort => entry.Payload.Abort.IntentionId,
        Payload.PayloadOneofCase.ActionOutput => entry.Payload.ActionOutput.IntentionId,
        _ => entry.Header.LogPosition,
    };
}
