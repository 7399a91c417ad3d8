using Microsoft.Extensions.Logging;

namespace AgentKernel.ServiceDefaults.Hosting;

/// <summary>How much is logged: <c>AGENTKERNEL_LOG_LEVEL</c>.</summary>
public static class KernelLogLevel
{
    private const string Variable = "AGENTKERNEL_LOG_LEVEL";

    /// <summary>The level that the variable names, also in the short form that other programs take; null where it is not set.</summary>
    /// <exception cref="InvalidOperationException">There is no such level.</exception>
    public static LogLevel? FromEnvironment() => Environment.GetEnvironmentVariable(Variable) switch
    {
        null or "" => null,
        var name when Enum.TryParse<LogLevel>(name, ignoreCase: true, out var level) => level,
        "INFO" or "info" => LogLevel.Information,
        "WARN" or "warn" => LogLevel.Warning,
        var name => throw new InvalidOperationException($"{Variable} is '{name}'; it may be {string.Join(", ", Enum.GetNames<LogLevel>())}"),
    };
}
