using System.Text.Json;
using AgentKernel.Spawner.Backends;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>The fake keeps the contract too, so that what is proved with it holds.</summary>
public sealed class FakeBackendContractTests : AgentBackendContract
{
    private readonly FakeMachine _machine = new();

    private protected override IAgentBackend NewKernel() => new FakeBackend(_machine);

    private protected override AgentSpec Spec(Behaviour behaviour, TimeSpan? startTimeout = null) => new()
    {
        AgentId = Guid.NewGuid().ToString(),
        Name = "tested",
        Type = FakeMachine.Type(behaviour),
        Folder = "/nonexistent",
        Config = [],
        Secrets = ["a-secret-that-nobody-may-see"],
        StartTimeout = startTimeout ?? TimeSpan.FromSeconds(60),
    };

    private protected override void Release(AgentSpec spec) => _machine.Agents[spec.AgentId].Release();

    private protected override Task RunsAsync(AgentSpec spec) => Task.CompletedTask; // it runs as it is started

    private protected override Task<JsonElement> GiveIdsAsync(JsonElement saved, AgentSpec spec, int stranger) => Task.FromResult(saved); // its ids are never used again

    private protected override IReadOnlyList<string> Leftovers(AgentSpec spec) => [.. _machine.Running.Where(id => id == spec.AgentId)];
}
