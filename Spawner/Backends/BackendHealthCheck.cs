using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AgentKernel.Spawner.Backends;

/// <summary>Whether the backend that new agents go to can be used.</summary>
internal sealed class BackendHealthCheck(BackendCatalog backends) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var probe = await backends.Chosen.ProbeAsync(cancellationToken);
        return probe.Usable ? HealthCheckResult.Healthy(backends.Chosen.Name) : HealthCheckResult.Unhealthy($"{backends.Chosen.Name}: {probe.Detail}");
    }
}
