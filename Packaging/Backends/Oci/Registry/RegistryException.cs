namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>Why a registry did not do what it was asked.</summary>
internal enum RegistryFailure
{
    /// <summary>Not reached at all: no such host, nothing listens, or its certificate is not trusted.</summary>
    Unreachable,

    /// <summary>It wants other credentials than it was given (401).</summary>
    Unauthorized,

    /// <summary>It knows the caller, and refuses (403).</summary>
    Denied,

    /// <summary>It has no such thing (404).</summary>
    NotFound,

    /// <summary>Too many requests (429), still so after waiting.</summary>
    RateLimited,

    /// <summary>It failed (5xx), again and again.</summary>
    Broken,

    /// <summary>It did not answer, or nothing moved, for the time allowed.</summary>
    Hangs,

    /// <summary>The connection was cut in the middle, again and again.</summary>
    Interrupted,

    /// <summary>What it answered is not what the distribution specification says, or content has another digest than its name.</summary>
    Protocol,
}

/// <summary>A registry did not do what it was asked. The message names registry, repository and blob, and holds no secret.</summary>
internal sealed class RegistryException(RegistryFailure failure, string message, Exception? inner = null) : Exception(message, inner)
{
    public RegistryFailure Failure => failure;
}
