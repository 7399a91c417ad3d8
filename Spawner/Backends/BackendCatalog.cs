namespace AgentKernel.Spawner.Backends;

/// <summary>The backends there are, and the one that new agents go to.</summary>
internal sealed class BackendCatalog
{
    private readonly Dictionary<string, IAgentBackend> _backends;

    /// <exception cref="InvalidOperationException">The chosen backend does not exist.</exception>
    public BackendCatalog(IEnumerable<IAgentBackend> backends, SpawnerOptions options)
    {
        _backends = backends.ToDictionary(backend => backend.Name, StringComparer.Ordinal);
        Chosen = _backends.GetValueOrDefault(options.Backend)
            ?? throw new InvalidOperationException($"Spawner:Backend is '{options.Backend}'; this kernel has {string.Join(", ", _backends.Keys)}");
    }

    /// <summary>Where new agents go.</summary>
    public IAgentBackend Chosen { get; }

    public IReadOnlyCollection<IAgentBackend> All => _backends.Values;

    /// <summary>The backend that an agent of an earlier kernel runs on; the chosen one where that is no more.</summary>
    public IAgentBackend Of(string name) => _backends.GetValueOrDefault(name, Chosen);
}
