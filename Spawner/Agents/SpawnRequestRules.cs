using System.Text;
using System.Text.RegularExpressions;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.Spawner.AgentTypes;

namespace AgentKernel.Spawner.Agents;

/// <summary>What a request must keep to; each refusal names the field.</summary>
internal static partial class SpawnRequestRules
{
    private const int MaxFieldBytes = 64 * 1024;

    /// <exception cref="RpcException">INVALID_ARGUMENT, NOT_FOUND or UNIMPLEMENTED.</exception>
    public static void Check(SpawnAgentRequest request, AgentType type)
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

        // What cannot be done is refused: an agent that runs without the image or the safety it was to have is worse than none.
        if (request.ImageId.Length > 0)
        {
            throw new RpcException(RpcStatusCode.NotFound, $"image_id: there is no image '{request.ImageId}'");
        }

        if (request.Agentbus is not null)
        {
            throw new RpcException(RpcStatusCode.Unimplemented, "agentbus: this kernel has no bus, so it will not start an agent that was to be watched by one");
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
