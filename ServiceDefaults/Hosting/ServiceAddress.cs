using Microsoft.Extensions.Configuration;

namespace AgentKernel.ServiceDefaults.Hosting;

/// <summary>
/// Finds another service by the variables that .NET Aspire sets: <c>SPAWNER_GRPC</c> (13.2 and later; also the one to set
/// by hand), <c>services__spawner__grpc__0</c> (13.1 and earlier).
/// </summary>
public static class ServiceAddress
{
    /// <summary>The address of a service's endpoint; null where no variable tells it.</summary>
    /// <param name="configuration">Where the environment's variables are.</param>
    /// <param name="service">The service's name, such as <c>spawner</c>.</param>
    /// <param name="endpoint">The endpoint's, such as <c>grpc</c>.</param>
    /// <exception cref="InvalidOperationException">What the variable holds is no address; the message names it.</exception>
    public static Uri? Find(IConfiguration configuration, string service, string endpoint)
    {
        foreach (var key in (string[])[$"{service}_{endpoint}".ToUpperInvariant(), $"services:{service}:{endpoint}:0"])
        {
            if (configuration[key] is { Length: > 0 } value)
            {
                return Uri.TryCreate(value, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
                    ? address
                    : throw new InvalidOperationException($"{key.Replace(":", "__", StringComparison.Ordinal)} is '{value}'; it must be http://host:port or https://host:port");
            }
        }

        return null;
    }
}
