using System.Text.Json;
using AgentKernel.Spawner.Backends;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>The contract with real sandboxes.</summary>
public sealed class BubblewrapBackendContractTests : AgentBackendContract, IAsyncDisposable
{
    private readonly BubblewrapFixture _bubblewrap = new();

    public ValueTask DisposeAsync() => _bubblewrap.DisposeAsync();

    private protected override IAgentBackend NewKernel() => _bubblewrap.NewKernel();

    private protected override AgentSpec Spec(Behaviour behaviour, TimeSpan? startTimeout = null) => _bubblewrap.Spec(ShellAgent.Type(behaviour), startTimeout);

    private protected override void Release(AgentSpec spec) => _bubblewrap.Release(spec);

    private protected override Task RunsAsync(AgentSpec spec) => _bubblewrap.RunsAsync(spec);

    private protected override Task<JsonElement> GiveIdsAsync(JsonElement saved, AgentSpec spec, int stranger) => SavedProcesses.GiveAsync(saved, spec, stranger);

    private protected override IReadOnlyList<string> Leftovers(AgentSpec spec) => _bubblewrap.Leftovers(spec);
}
