namespace AgentKernel.AgentBus.Voting;

/// <summary>What a voter says to an intention, and why, in a sentence that the model may be told.</summary>
internal abstract record Ballot(string Reason)
{
    /// <summary>It may run.</summary>
    public sealed record Yes(string Reason) : Ballot(Reason);

    /// <summary>It must not.</summary>
    public sealed record No(string Reason) : Ballot(Reason);

    /// <summary>A human has to say; the human's vote then counts in the place of this voter's.</summary>
    public sealed record NeedsHuman(string Reason) : Ballot(Reason);

    /// <summary>How sure it is that it is safe, 0 to 1.</summary>
    public sealed record Probability(double Safe, string Reason) : Ballot(Reason);
}
