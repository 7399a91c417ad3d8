using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AgentKernel.AgentGateway.Agents;

/// <summary>Without the spawner no agent can be found that was not called before.</summary>
internal sealed class SpawnerHealthCheck(AgentDirectory agents) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(agents.IsWatched ? HealthCheckResult.Healthy("connected") : HealthCheckResult.Unhealthy("the watch on the spawner is not up; is it running, and is the service token its own?"));
}
