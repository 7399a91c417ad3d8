using AgentKernel.ServiceDefaults;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AgentKernel.Packaging;

/// <summary>Whether there is room for blobs and images: a full or read-only disk shows here before it costs an upload.</summary>
internal sealed class PackagingHealthCheck(PackagingFolder folder) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            DataDirectory.WriteAtomically(folder.Combine("health"), "ok"u8);
            return Task.FromResult(HealthCheckResult.Healthy("writable"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return Task.FromResult(HealthCheckResult.Unhealthy("blobs and images cannot be written: the disk is full, or it is not this user's"));
        }
    }
}
