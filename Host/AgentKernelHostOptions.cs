using System.Net;
using AgentKernel.AgentBus;
using AgentKernel.AgentGateway;
using AgentKernel.Spawner;
using Microsoft.Extensions.Logging;

namespace AgentKernel.Host;

/// <summary>Settings of a kernel in one process, from code or from <c>agentkernel.yaml</c> (<see cref="KernelConfigFile"/>).</summary>
public sealed record AgentKernelHostOptions
{
    /// <summary>The data directory; null: <c>AGENTKERNEL_HOME</c>, or <c>~/.agentkernel</c>.</summary>
    public string? Home { get; init; }

    /// <summary>
    /// A data directory of this kernel's own, in the system's temporary folder, removed with the kernel: for programs that
    /// bring their own kernel and leave no trace. Takes the place of <see cref="Home"/>.
    /// </summary>
    public bool Ephemeral { get; init; }

    /// <summary>Where to serve HTTP/1.1: turns as server-sent events, Connect. Port 0: a free one.</summary>
    public IPEndPoint Http { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>Where to serve HTTP/2: gRPC. Port 0: a free one.</summary>
    public IPEndPoint Grpc { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>The operator's token; null: <c>AGENTKERNEL_TOKEN</c>, or the one kept in the data directory.</summary>
    public string? OperatorToken { get; init; }

    /// <summary>Teams and agents.</summary>
    public SpawnerOptions Spawner { get; init; } = new();

    /// <summary>Turns. Its address and token of the spawner are set by the host.</summary>
    public AgentGatewayOptions Gateway { get; init; } = new();

    /// <summary>The agents' logs, and who may stop what stands on them.</summary>
    public AgentBusOptions Bus { get; init; } = new();

    /// <summary>What is logged, to standard error; null: <c>AGENTKERNEL_LOG_LEVEL</c>, or warnings.</summary>
    public LogLevel? LogLevel { get; init; }
}
