namespace AgentKernel.AgentRuntime.Server;

/// <summary>The request is refused: an HTTP status, and the sentence that goes out as <c>{"error":…}</c>.</summary>
internal sealed class RequestException(int status, string message) : Exception(message)
{
    public int Status => status;
}
