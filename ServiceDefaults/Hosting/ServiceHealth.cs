using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AgentKernel.ServiceDefaults.Hosting;

/// <summary>
/// <c>GET /health</c>: whether the service can do its work now, 200 or 503, with what each check found.
/// <c>GET /alive</c>: whether its process answers at all; one that does not is to be restarted.
/// </summary>
public static class ServiceHealth
{
    /// <summary>Maps both. Neither wants a token, and neither says more than a check's own description.</summary>
    public static IEndpointRouteBuilder MapServiceHealth(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapHealthChecks("/health", new HealthCheckOptions { ResponseWriter = WriteAsync });
        endpoints.MapHealthChecks("/alive", new HealthCheckOptions { Predicate = _ => false, ResponseWriter = WriteAsync });
        return endpoints;
    }

    private static async Task WriteAsync(HttpContext http, HealthReport report)
    {
        http.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(http.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteString("status", report.Status == HealthStatus.Unhealthy ? "failing" : "ok");
        foreach (var (name, entry) in report.Entries)
        {
            json.WriteString(name, entry.Description ?? (entry.Status == HealthStatus.Unhealthy ? "failing" : "ok"));
        }

        json.WriteEndObject();
    }
}
