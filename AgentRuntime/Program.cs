using AgentKernel.AgentRuntime;
using AgentKernel.AgentRuntime.Bundles;
using AgentKernel.AgentRuntime.Bus;
using AgentKernel.AgentRuntime.Configuration;
using AgentKernel.AgentRuntime.Conversation;
using AgentKernel.AgentRuntime.Providers;
using AgentKernel.AgentRuntime.Server;
using AgentKernel.AgentRuntime.Telemetry;
using AgentKernel.AgentRuntime.Tools;

// The exit code for a configuration that the agent cannot be started with: EX_USAGE of sysexits.h.
const int UsageError = 64;
// Also when the workspace could not be set up.
const int SetupError = 1;
// How long a running turn has to send its last events after SIGTERM.
var grace = TimeSpan.FromSeconds(1.5);

try
{
    NativeLibraries.UseLoadedC();
    var exports = TelemetryExport.IsWanted();
    if (exports)
    {
        TelemetryExport.AllowMeters(); // before anything makes one
    }

    // Half of the time to ready is Kestrel's loading, and half is everything else: the two go side by side.
    var loading = Task.Run(() => new ContractServer());
    using var signals = new StopSignals();
    var environment = HostEnvironment.Take();
    var config = ConfigFile.Load(args, environment.Keys);

    var bundles = new BundleSet(config.ImagePath);
    var workspace = new Workspace(Environment.CurrentDirectory, bundles);
    var tools = new ToolSet(config.Tools, workspace, bundles, config.Secrets);
    await using var journal = config.Bus is { } bus ? await BusJournal.OpenAsync(config, bus, TimeProvider.System) : null;
    var telemetry = new AgentTelemetry(config);
    await using var agent = new Agent(config, ModelProviders.Create(config.Model), tools, bundles, telemetry, journal, TimeProvider.System);
    using var server = await loading;
    if (config.SetupScript is { } script && !await RunSetupAsync(script, tools, workspace, signals))
        return signals.Received.IsCompleted ? 0 : SetupError;

    await server.StartAsync(config.Endpoint, new Contract(agent, telemetry).HandleAsync, CancellationToken.None);
    Readiness.Announce(environment.NotifySocket);
    Diagnostics.Write($"agent {config.AgentId} listens on {server.Address}");
    var export = exports ? Task.Run(() => TelemetryExport.Start(config, telemetry, environment.TelemetryHeaders)) : null;
    telemetry.Listening = export ?? Task.CompletedTask;
    agent.WarmUp();

    await signals.Received;
    using var limit = new CancellationTokenSource(grace);
    await Task.WhenAll(server.StopAsync(limit.Token), agent.StopAsync());
    if (export is not null)
    {
        (await export).Dispose();
    }

    return 0;
}
catch (ConfigException e)
{
    Diagnostics.Write(e.Message);
    return UsageError;
}

static async Task<bool> RunSetupAsync(byte[] script, ToolSet tools, Workspace workspace, StopSignals signals)
{
    using var stopping = new CancellationTokenSource();
    _ = signals.Received.ContinueWith(_ => stopping.Cancel(), stopping.Token, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    try
    {
        return await SetupScript.RunAsync(script, tools, workspace.Root, stopping.Token);
    }
    catch (OperationCanceledException) when (signals.Received.IsCompleted)
    {
        return false;
    }
}
