namespace AgentKernel.Client;

/// <summary>A turn began and then failed: the model, a tool or the agent itself ended it with an error.</summary>
public sealed class AgentTurnException(string message, string partialAnswer) : Exception(message)
{
    /// <summary>What had been said before the failure.</summary>
    public string PartialAnswer { get; } = partialAnswer;
}
