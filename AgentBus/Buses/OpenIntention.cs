namespace AgentKernel.AgentBus.Buses;

/// <summary>An intention that is not decided, as others see it.</summary>
/// <param name="Deadline">When it is aborted.</param>
/// <param name="Human">Where a human has to vote: under which id, and who has left it to one and why.</param>
internal sealed record OpenIntention(long Id, string Text, DateTimeOffset IntendedAt, DateTimeOffset Deadline, (string VoterId, string Reason)? Human);
