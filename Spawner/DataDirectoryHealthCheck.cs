using AgentKernel.ServiceDefaults;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AgentKernel.Spawner;

/// <summary>Whether the data directory takes what must survive: a full or read-only disk shows here before it costs an agent.</summary>
internal sealed class DataDirectoryHealthCheck(LockedDataDirectory home) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            DataDirectory.WriteAtomically(home.Combine("health"), "ok"u8);
            return Task.FromResult(HealthCheckResult.Healthy("writable"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return Task.FromResult(HealthCheckResult.Unhealthy("the data directory cannot be written: its disk is full, or it is not this user's"));
        }
    }
}
