using System.Text;
using System.Text.RegularExpressions;
using AgentKernel.Contracts.V1;
using AgentKernel.Egress;
using AgentKernel.Rpc;
using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Backends;
using Google.Protobuf.WellKnownTypes;
using Enum = System.Enum;

namespace AgentKernel.Spawner.Agents;

/// <summary>What a request must keep to; each refusal names the field.</summary>
internal static partial class SpawnRequestRules
{
    private const int MaxFieldBytes = 64 * 1024;
    private const int MaxRestarts = 1000;
    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(45); // what a timer of the system can wait

    /// <exception cref="RpcException">INVALID_ARGUMENT, NOT_FOUND or UNIMPLEMENTED.</exception>
    public static void Check(SpawnAgentRequest request, AgentType type, IAgentBackend backend)
    {
        CheckLabel("name", request.Name);
        CheckSize("spawn_info", request.SpawnInfo?.CalculateSize() ?? 0);
        CheckMap("metadata", request.Metadata);
        CheckMap("env", request.Env);
        foreach (var name in request.Env.Keys)
        {
            if (!EnvironmentName().IsMatch(name))
            {
                throw Invalid($"env: '{name}' is not a name of an environment variable (letters, digits and _, not starting with a digit)");
            }

            if (name.StartsWith("AGENTKERNEL_", StringComparison.Ordinal) || name is "NOTIFY_SOCKET")
            {
                throw Invalid($"env.{name} is set by the kernel alone");
            }
        }

        if (request.Env.FirstOrDefault(pair => pair.Value.Contains('\0', StringComparison.Ordinal)).Key is { } withNull)
        {
            throw Invalid($"env.{withNull} holds a null character");
        }

        if (request.TransportFormat.Length > 0 && type.TransportFormats.Count > 0 && !type.TransportFormats.Contains(request.TransportFormat))
        {
            throw Invalid($"transport_format: agent type '{type.Name}' knows {string.Join(", ", type.TransportFormats)}, and not '{request.TransportFormat}'");
        }

        CheckLife(request);
        CheckConfig(request.Config, backend);
        CheckIsolation(request, backend);

        // What cannot be done is refused: an agent that runs without the image or the safety it was to have is worse than none.
        if (request.ImageId.Length > 0)
        {
            throw new RpcException(RpcStatusCode.NotFound, $"image_id: there is no image '{request.ImageId}'");
        }

        if (request.SetupScriptUri.Length > 0)
        {
            throw new RpcException(RpcStatusCode.Unimplemented, "setup_script_uri: this kernel cannot run setup scripts, so it will not start an agent that needs one");
        }
    }

    /// <summary>A backend's own settings: whether it knows them, as far as it has said which those are.</summary>
    public static void CheckConfig(Struct? config, IAgentBackend backend)
    {
        CheckSize("config", config?.CalculateSize() ?? 0);
        if (backend.Capabilities.ConfigKeys is { } known && config?.Fields.Keys.FirstOrDefault(key => !known.Contains(key)) is { } unknown)
        {
            throw Invalid($"config.{unknown}: backend '{backend.Name}' has {(known.Count == 0 ? "no settings" : $"only {string.Join(", ", known)}")}");
        }
    }

    private static void CheckLife(SpawnAgentRequest request)
    {
        CheckDuration("idle_timeout", request.IdleTimeout, TimeSpan.FromMilliseconds(1), LongestLife);
        CheckDuration("max_lifetime", request.MaxLifetime, TimeSpan.FromMilliseconds(1), LongestLife);
        if (request.RestartPolicy is not { } policy)
        {
            return;
        }

        CheckDuration("restart_policy.backoff", policy.Backoff, TimeSpan.Zero, RestartRule.LongestBackoff);
        if (!Enum.IsDefined(policy.Mode))
        {
            throw Invalid("restart_policy.mode must be MODE_NEVER or MODE_ON_FAILURE");
        }

        if (policy is { HasMaxRestarts: true, MaxRestarts: < 0 or > MaxRestarts })
        {
            throw Invalid($"restart_policy.max_restarts must be from 0 to {MaxRestarts}");
        }
    }

    // An agent that was to be kept in, or from its key, must not run where nothing does that.
    private static void CheckIsolation(SpawnAgentRequest request, IAgentBackend backend)
    {
        if (request.ModelAccess is { } access && access.Credentials is not ("" or "proxy" or "pass"))
        {
            throw Invalid($"model_access.credentials is '{access.Credentials}'; it must be proxy or pass");
        }

        if (backend.Capabilities.Isolated)
        {
            CheckDestinations(request);
            return;
        }

        if (request.ModelAccess?.Credentials == "proxy")
        {
            throw Invalid($"model_access.credentials: backend '{backend.Name}' does not isolate agents, so it cannot keep the key from this one; use bwrap, or pass");
        }

        if (request.Network is { Host: false, Allow.Count: > 0 })
        {
            throw Invalid($"network.allow: backend '{backend.Name}' does not isolate agents, so it cannot hold this one to a list; use bwrap, or set network.host");
        }
    }

    private static void CheckDestinations(SpawnAgentRequest request)
    {
        try
        {
            _ = EgressPolicy.Parse(request.Network?.Allow ?? []);
        }
        catch (FormatException exception)
        {
            throw Invalid($"network.allow: {exception.Message}");
        }

        if (request.ModelAccess is not { } access)
        {
            return;
        }

        try
        {
            _ = ModelEndpoint.For(access.Provider, access.Endpoint.Length > 0 ? access.Endpoint : "https://localhost", access.Credential.Length > 0 ? access.Credential : "none");
        }
        catch (ArgumentException exception)
        {
            throw Invalid($"model_access.{(exception.ParamName == "key" ? "credential" : "endpoint")}: {exception.Message.Split(" (Parameter")[0]}");
        }
    }

    private static void CheckDuration(string field, Duration? value, TimeSpan least, TimeSpan most)
    {
        if (value is null)
        {
            return;
        }

        var seconds = value.Seconds + (value.Nanos / 1e9);
        if (value.Nanos is < 0 or > 999_999_999 || seconds < least.TotalSeconds || seconds > most.TotalSeconds)
        {
            throw Invalid($"{field} must be from {least.TotalSeconds} to {most.TotalSeconds} seconds");
        }
    }

    /// <summary>A DNS label (RFC 1123): 1 to 63 of a-z, 0-9 and -, not at either end.</summary>
    public static void CheckLabel(string field, string value)
    {
        if (!DnsLabel().IsMatch(value))
        {
            throw Invalid($"{field} must be a DNS label: 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit");
        }
    }

    private static void CheckMap(string field, IDictionary<string, string> map) =>
        CheckSize(field, map.Sum(pair => Encoding.UTF8.GetByteCount(pair.Key) + Encoding.UTF8.GetByteCount(pair.Value)));

    private static void CheckSize(string field, int bytes)
    {
        if (bytes > MaxFieldBytes)
        {
            throw Invalid($"{field} has {bytes} bytes, and may have {MaxFieldBytes}");
        }
    }

    private static RpcException Invalid(string message) => new(RpcStatusCode.InvalidArgument, message);

    [GeneratedRegex(@"\A[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex DnsLabel();

    [GeneratedRegex(@"\A[A-Za-z_][A-Za-z0-9_]*\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex EnvironmentName();
}
