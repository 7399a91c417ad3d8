namespace AgentKernel.EndToEnd.Tests;

/// <summary>One kernel for the tests of a class, which each bring their own agents.</summary>
public sealed class KernelFixture : IAsyncLifetime
{
    public RunningKernel Kernel { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Kernel = await RunningKernel.StartAsync(arguments: ["--config", Path.Combine(Repository.Root, "examples", "node-agent", "agentkernel.yaml")]);

    public ValueTask DisposeAsync() => Kernel.DisposeAsync();
}
