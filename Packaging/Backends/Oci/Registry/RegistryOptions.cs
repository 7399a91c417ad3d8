namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>How registries are spoken to.</summary>
internal sealed record RegistryOptions
{
    /// <summary>How long a registry may take to answer, and a transfer may stand still.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a request is made before a failure that may pass counts.</summary>
    public int Attempts { get; init; } = 4;

    /// <summary>The wait before the second attempt; it doubles with each more.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>A registry that asks for a longer wait than this (<c>Retry-After</c>) is not waited for.</summary>
    public TimeSpan LongestRetryAfter { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How many bytes an upload sends at a time; what arrived is not sent again after a cut.</summary>
    public int ChunkBytes { get; init; } = 32 * 1024 * 1024;

    /// <summary>A PEM file of certificates that are trusted beside the system's.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>Docker's config file with the credentials; null: where Docker has it.</summary>
    public string? DockerConfig { get; init; }
}
