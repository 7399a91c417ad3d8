namespace AgentKernel.Egress;

/// <summary>What a refusal is about.</summary>
public enum EgressRefusalKind
{
    /// <summary>The request is not well-formed, or too long.</summary>
    Malformed,

    /// <summary>The host or its port is not listed.</summary>
    NotListed,

    /// <summary>The address is not a public one, and is not listed.</summary>
    Address,

    /// <summary>The name does not resolve, or nothing answers there.</summary>
    Unreachable,

    /// <summary>There are too many connections.</summary>
    Busy,
}

/// <summary>Why somebody was not let through.</summary>
/// <param name="Reason">One sentence in ASCII, for the agent and the log.</param>
internal sealed record EgressRefusal(EgressRefusalKind Kind, string Reason)
{
    public int Status => Kind switch
    {
        EgressRefusalKind.Malformed => 400,
        EgressRefusalKind.Unreachable => 502,
        EgressRefusalKind.Busy => 503,
        _ => 403,
    };
}

/// <summary>A request is refused.</summary>
internal sealed class EgressRefusedException(EgressRefusal refusal) : Exception(refusal.Reason)
{
    public EgressRefusal Refusal => refusal;
}
