namespace AgentKernel.EndToEnd.Tests;

/// <summary>One kernel for the tests of a class, which each bring their own agents.</summary>
public interface IKernelFixture
{
    ITestKernel Kernel { get; }
}

/// <summary>The whole kernel in one process, as <c>agentkernel up</c>.</summary>
public sealed class KernelFixture : IKernelFixture, IAsyncLifetime
{
    public ITestKernel Kernel { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Kernel = await RunningKernel.StartAsync(arguments: ["--config", Path.Combine(Repository.Root, "examples", "node-agent", "agentkernel.yaml")]);

    public ValueTask DisposeAsync() => Kernel.DisposeAsync();
}

/// <summary>Each service in a process of its own.</summary>
public sealed class ServicesFixture : IKernelFixture, IAsyncLifetime
{
    public ITestKernel Kernel { get; private set; } = null!;

    // What examples/node-agent/agentkernel.yaml says, as a service's settings.
    public async ValueTask InitializeAsync() => Kernel = await RunningServices.StartAsync(new Dictionary<string, string>
    {
        ["Spawner__AgentTypes__0__Name"] = "shout",
        ["Spawner__AgentTypes__0__Command__0"] = "node",
        ["Spawner__AgentTypes__0__Command__1"] = Path.Combine(Repository.Root, "examples", "node-agent", "agent.mjs"),
    });

    public ValueTask DisposeAsync() => Kernel.DisposeAsync();
}
