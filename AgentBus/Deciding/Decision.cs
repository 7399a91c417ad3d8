using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentBus.Deciding;

/// <summary>What the decider says to an intention.</summary>
/// <param name="Commits">Whether it may run.</param>
/// <param name="Reason">Why, in words that the model is told.</param>
internal sealed record Decision(bool Commits, string Reason)
{
    /// <summary>As it goes on the log.</summary>
    public Payload On(long intentionId) => Commits
        ? new() { Commit = new() { IntentionId = intentionId, Reason = Reason } }
        : new() { Abort = new() { IntentionId = intentionId, Reason = Reason } };
}
