namespace AgentKernel.Rpc;

/// <summary>What holds for every method of a server that does not say otherwise.</summary>
public sealed class RpcServerOptions
{
    /// <summary>
    /// The largest request message in bytes, after decompression; default 4 MiB. A larger one is refused with
    /// <see cref="RpcStatusCode.ResourceExhausted"/>, and the answer names the limit.
    /// </summary>
    public int MaxReceiveMessageBytes { get; set; } = 4 * 1024 * 1024;
}
