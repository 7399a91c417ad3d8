namespace AgentKernel.Rpc;

/// <summary>What holds for every call of an <see cref="RpcChannel"/>.</summary>
public sealed record RpcChannelOptions
{
    /// <summary>Sent as <c>authorization: Bearer …</c>; null: nothing is.</summary>
    public string? BearerToken { get; init; }

    /// <summary>
    /// The largest response message in bytes, after decompression; default 16 MiB. A larger one ends the call with
    /// <see cref="RpcStatusCode.ResourceExhausted"/>.
    /// </summary>
    public int MaxReceiveMessageBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>The transport, e.g. one that connects to a unix socket. Not disposed with the channel. Null: one of the channel's own.</summary>
    public HttpMessageHandler? Handler { get; init; }

    /// <summary>The clock of the deadlines.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}

/// <summary>What holds for one call.</summary>
public sealed record RpcCallOptions
{
    /// <summary>How long to wait for the whole call; null: for ever. The server is told, and held to it.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Metadata to send with the request.</summary>
    public RpcMetadata? Metadata { get; init; }

    /// <summary>In place of <see cref="RpcChannelOptions.BearerToken"/>.</summary>
    public string? BearerToken { get; init; }

    /// <summary>Whether the request message is compressed.</summary>
    public bool Gzip { get; init; }
}
