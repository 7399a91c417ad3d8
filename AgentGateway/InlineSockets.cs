namespace AgentKernel.AgentGateway;

/// <summary>
/// Lets this process handle what a socket has received on the thread that waits for sockets, without a hand-over to the
/// thread pool: an event of an agent costs half the processor time so. Source of the switch: .NET's
/// <c>SocketAsyncEngine</c>; figures in <c>docs/performance.md</c>.
/// </summary>
/// <remarks>
/// For a process whose code is the kernel's own. Code that blocks in a continuation would hold up other sockets, so RPC
/// handlers and the spawner's work on an agent that became ready go to the thread pool first.
/// </remarks>
public static class InlineSockets
{
    private const string Switch = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>Must come before the process opens its first socket; later it changes nothing.</summary>
    public static void Enable() => Environment.SetEnvironmentVariable(Switch, "1");
}
