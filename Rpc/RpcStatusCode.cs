namespace AgentKernel.Rpc;

/// <summary>The gRPC status codes, with their numbers on the wire.</summary>
public enum RpcStatusCode
{
    /// <summary>The call succeeded.</summary>
    Ok = 0,
    /// <summary>The call was cancelled, usually by the caller.</summary>
    Cancelled = 1,
    /// <summary>An error that says no more of itself.</summary>
    Unknown = 2,
    /// <summary>The request is malformed, whatever the state of the system.</summary>
    InvalidArgument = 3,
    /// <summary>The deadline passed before the call was done.</summary>
    DeadlineExceeded = 4,
    /// <summary>What the request names does not exist.</summary>
    NotFound = 5,
    /// <summary>What the request would create exists already.</summary>
    AlreadyExists = 6,
    /// <summary>The caller is known and may not do this.</summary>
    PermissionDenied = 7,
    /// <summary>A limit, a quota or a capacity is used up.</summary>
    ResourceExhausted = 8,
    /// <summary>The system is not in the state that the call needs; a retry alone will not help.</summary>
    FailedPrecondition = 9,
    /// <summary>The call ran into a concurrent one.</summary>
    Aborted = 10,
    /// <summary>A position is past the end.</summary>
    OutOfRange = 11,
    /// <summary>The method does not exist here.</summary>
    Unimplemented = 12,
    /// <summary>A promise of the server's own was broken.</summary>
    Internal = 13,
    /// <summary>The service cannot be reached at the moment; a retry may help.</summary>
    Unavailable = 14,
    /// <summary>Data was lost beyond recovery.</summary>
    DataLoss = 15,
    /// <summary>The caller did not prove who it is.</summary>
    Unauthenticated = 16,
}
