namespace AgentKernel.AgentBus.Voting;

/// <summary>
/// A voter that the bus service runs. It knows the agent only by what stands on the log, and gives one ballot an intention.
/// Called concurrently.
/// </summary>
internal interface IVoter
{
    /// <summary>Judges one intention.</summary>
    /// <param name="cancellationToken">Fires when the decision no longer waits for this ballot.</param>
    /// <returns>
    /// The ballot. An exception other than for cancellation is counted as a no, and its message stays in the service's log:
    /// a voter that fails allows nothing.
    /// </returns>
    Task<Ballot> VoteAsync(IntentionCase intention, CancellationToken cancellationToken);
}
