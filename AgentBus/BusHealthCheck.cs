using AgentKernel.AgentBus.Buses;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AgentKernel.AgentBus;

/// <summary>Whether all logs could be read back.</summary>
internal sealed class BusHealthCheck(BusDirectory buses) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(buses.Unreadable.IsEmpty
            ? HealthCheckResult.Healthy($"{buses.All.Count()} open")
            : HealthCheckResult.Degraded($"{buses.Unreadable.Count} cannot be read back: {string.Join(", ", buses.Unreadable.Keys)}"));
}
