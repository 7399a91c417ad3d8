using System.Globalization;
using System.Text;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;
using Google.Protobuf.Reflection;

namespace AgentKernel.Cli.Commands.Bus;

/// <summary>Entries as text for people. What agents and models have written is shown, and never obeyed by the terminal.</summary>
internal static class EntryText
{
    private static readonly EnumDescriptor Types = AgentBusReflection.Descriptor.EnumTypes.Single(type => type.Name == nameof(SelectivePollType));

    /// <summary>A kind as the wire names it, in small letters.</summary>
    public static string NameOf(SelectivePollType type) => (Types.FindValueByNumber((int)type)?.Name ?? $"{(int)type}").ToLowerInvariant();

    /// <summary>One line: number, time, kind, content.</summary>
    public static string Line(BusEntry entry, int width = 160) => string.Create(
        CultureInfo.InvariantCulture, $"{entry.Header.LogPosition,6}  {Time(entry)}  {NameOf((SelectivePollType)(int)entry.Payload.PayloadCase),-16}  {Cut(Content(entry.Payload), width)}");

    /// <summary>When it was appended, in local time.</summary>
    public static string Time(BusEntry entry) => DateTimeOffset.FromUnixTimeMilliseconds(entry.Header.RtTimestampMs).ToLocalTime().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);

    /// <summary>What it says, in one line.</summary>
    public static string Content(Payload payload) => Clean(payload.PayloadCase switch
    {
        Payload.PayloadOneofCase.Intention => Intention(payload.Intention.StringIntention),
        Payload.PayloadOneofCase.Vote => $"#{payload.Vote.IntentionId} {payload.Vote.VoterId}: {Vote(payload.Vote)}",
        Payload.PayloadOneofCase.DeciderPolicy => $"{payload.DeciderPolicy}",
        Payload.PayloadOneofCase.Commit => $"#{payload.Commit.IntentionId} {payload.Commit.Reason}",
        Payload.PayloadOneofCase.Abort => $"#{payload.Abort.IntentionId} {payload.Abort.Reason}",
        Payload.PayloadOneofCase.Control => Control(payload.Control),
        Payload.PayloadOneofCase.InferenceInput => payload.InferenceInput.StringInferenceInput,
        Payload.PayloadOneofCase.InferenceOutput => payload.InferenceOutput.StringInferenceOutput,
        Payload.PayloadOneofCase.ActionOutput => $"#{payload.ActionOutput.IntentionId} {payload.ActionOutput.StringActionOutput}",
        Payload.PayloadOneofCase.AgentInput => payload.AgentInput.StringAgentInput,
        Payload.PayloadOneofCase.AgentOutput => payload.AgentOutput.StringAgentOutput,
        Payload.PayloadOneofCase.Mail => $"from {payload.Mail.SenderAgentId}: {(payload.Mail.Message ?? payload.Mail.Reply?.Message)?.Body}",
        _ => "",
    });

    /// <summary>An intention: the tool and its arguments, where it is a tool call.</summary>
    public static string Intention(string text) => ToolCallIntention.Parse(text) is { } call ? $"{call.Tool} {call.Arguments.GetRawText()}" : text;

    /// <summary>What a vote says.</summary>
    public static string Vote(Vote vote) => (vote.AbstractVote?.VoteTypeCase switch
    {
        VoteType.VoteTypeOneofCase.BooleanVote => vote.AbstractVote.BooleanVote ? "yes" : "no",
        VoteType.VoteTypeOneofCase.ProbabilityVote => string.Create(CultureInfo.InvariantCulture, $"{vote.AbstractVote.ProbabilityVote:0.###}"),
        _ => "a human has to say",
    }) + (vote.Reason.Length > 0 ? $", {vote.Reason}" : "");

    /// <summary>Text in which nothing is left that a terminal or a reader would take for something else.</summary>
    public static string Clean(string text)
    {
        var clean = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            var category = Rune.GetUnicodeCategory(rune);
            _ = rune.Value switch
            {
                '\n' => clean.Append("\\n"),
                '\t' => clean.Append("\\t"),
                // Control and format characters (escapes, marks that turn the direction of writing) and lone surrogates.
                _ when category is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse => clean.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}"),
                _ => clean.Append(rune.ToString()),
            };
        }

        return clean.ToString();
    }

    private static string Control(Control control) => control.BaseEngineControl?.PolicyBatch is { } batch
        ? $"policy {batch.NewVersion}: {(batch.HasDeciderPolicy ? $"{batch.DeciderPolicy}" : "")} {string.Join(", ", batch.VoterOps.Select(op => op.Value.OpCase is VoterOp.OpOneofCase.Remove ? $"-{op.Key}" : $"+{op.Key} ({KindOf(op.Value)})"))}".TrimEnd()
        : "";

    private static string KindOf(VoterOp op) => op.Add?.Config?.Custom is { } custom && custom.TryUnpack<Voter>(out var voter) ? $"{voter.KindCase}" : "another's";

    private static string Cut(string text, int width) => text.Length <= width ? text : $"{text[..width]}… ({text.Length} characters)";
}
