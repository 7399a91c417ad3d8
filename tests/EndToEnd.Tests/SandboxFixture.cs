namespace AgentKernel.EndToEnd.Tests;

/// <summary>The whole kernel in one process, with its agents in sandboxes.</summary>
public sealed class SandboxFixture : IKernelFixture, IAsyncLifetime
{
    private RunningKernel? _kernel;

    public ITestKernel Kernel
    {
        get
        {
            Require();
            return _kernel!; // set unless the test is skipped
        }
    }

    /// <summary>Skips a test where there is no bubblewrap, and fails it where the build owns the machine.</summary>
    public static void Require()
    {
        if (!IsThere)
        {
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", "bwrap is not installed");
            Assert.Fail("bwrap is not installed, and CI is to have it");
        }
    }

    public async ValueTask InitializeAsync() =>
        _kernel = IsThere ? await RunningKernel.StartAsync(arguments: ["--backend", "bwrap", "--config", Path.Combine(Repository.Root, "examples", "node-agent", "agentkernel.yaml")]) : null;

    public ValueTask DisposeAsync() => _kernel?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static bool IsThere => File.Exists("/usr/bin/bwrap");
}
