using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentBus.Voting;

/// <summary>An intention that is put to the vote.</summary>
/// <param name="BusId">Whose it is.</param>
/// <param name="IntentionId">Its position.</param>
/// <param name="Text">As it stands on the log.</param>
/// <param name="ToolCall">What it says, where it is a tool call.</param>
/// <param name="ReadBefore">Reads at most so many of the entries before it, oldest first.</param>
internal sealed record IntentionCase(
    string BusId,
    long IntentionId,
    string Text,
    ToolCallIntention? ToolCall,
    Func<int, IReadOnlyList<BusEntry>> ReadBefore);
