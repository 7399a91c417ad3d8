namespace AgentKernel.AgentRuntime.Providers;

/// <summary>The model API sent something else than its protocol says; the message is for the agent's owner.</summary>
internal sealed class ModelProtocolException(string message) : Exception(message);
