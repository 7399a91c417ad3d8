using System.Text;
using System.Text.Json;
using AgentKernel.ServiceDefaults;
using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Limits;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Backends.Local;

/// <summary>
/// Runs agents as subprocesses of this machine's own user. There is no isolation: an agent can read what that user can.
/// </summary>
internal sealed class LocalBackend(LockedDataDirectory home, ProcessExitWatcher watcher, ResourceLimiter limiter, TimeProvider time) : IAgentBackend
{
    private readonly LoopbackPorts _ports = new();
    private readonly SocketFolder _sockets = new(home.Path);

    public const string BackendName = "local";

    public static readonly BackendCapabilities Abilities = new(Isolated: false, Remote: false) { ConfigKeys = [] };

    public string Name => BackendName;

    public BackendCapabilities Capabilities => Abilities;

    public static BackendProbe Probe() => ShimmedProcess.Missing() is { } missing
        ? new(false, $"{missing} is not installed; it is in Debian's packages coreutils and util-linux")
        : new(true, "subprocesses of this user; no isolation: an agent can read and do all that this user can");

    public Task<BackendProbe> ProbeAsync(CancellationToken cancellationToken) => Task.FromResult(Probe());

    public async Task<IAgentHandle> StartAsync(AgentSpec spec, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var command = Resolve(spec.Type);
        var workspace = Path.Combine(spec.Folder, "workspace");
        DataDirectory.CreateFolder(workspace);
        using var port = spec.Type.Listen is AgentListener.HttpPort ? _ports.Take() : null;
        var endpoint = Listen(spec, port);
        if (spec.ImagePath is not null)
        {
            spec.Config["image_path"] = spec.ImagePath;
        }

        var config = Path.Combine(spec.Folder, "config.json");
        DataDirectory.WriteAtomically(config, Encoding.UTF8.GetBytes(spec.Config.ToJsonString()));

        var environment = AgentEnvironment.Build(System.Environment.GetEnvironmentVariable, spec, workspace);
        environment[ProcessTree.KernelVariable] = home.Id;
        using var notification = spec.Type.Ready is AgentReadiness.Notify ? new ReadyNotification(_sockets.Notification(spec.AgentId)) : null;
        if (notification is not null)
        {
            environment[ReadyNotification.Variable] = _sockets.Notification(spec.AgentId);
        }

        return await ShimmedStart.RunAsync(
            () => ShimmedProcess.Start(spec.Folder, workspace, spec.AgentId, [.. command, "--config", config], environment, limiter.Create(spec, ownUser: false), watcher),
            new(endpoint, () => DeleteSocket(endpoint)), spec, notification, time, cancellationToken);
    }

    public Task<IAgentHandle?> ReattachAsync(AgentSpec spec, JsonElement savedState, CancellationToken cancellationToken)
    {
        if (LocalState.Read(savedState) is not { } state)
        {
            return Task.FromResult<IAgentHandle?>(null);
        }

        var endpoint = new AgentEndpoint(state.UnixSocket, state.Http);
        return Task.FromResult<IAgentHandle?>(new LocalAgent(
            ShimmedProcess.Reattach(spec.Folder, spec.AgentId, state.Process, limiter.Find(spec.AgentId), watcher), new(endpoint, () => DeleteSocket(endpoint)), spec));
    }

    public async Task CleanUpAsync(string agentId, CancellationToken cancellationToken)
    {
        var limits = limiter.Find(agentId);
        await new ProcessTree(session: 0, agentId, limits: limits).KillAllAsync(watcher);
        await limits.RemoveAsync();
        File.Delete(_sockets.Socket(agentId));
        File.Delete(_sockets.Notification(agentId));
    }

    private static void DeleteSocket(AgentEndpoint endpoint)
    {
        // With its folder the socket is gone as well, which File.Delete does not take for success.
        if (endpoint.UnixSocket is { } path && Directory.Exists(Path.GetDirectoryName(path)))
        {
            File.Delete(path);
        }
    }

    private AgentEndpoint Listen(AgentSpec spec, LoopbackPorts.Port? port)
    {
        if (port is not null)
        {
            spec.Config["http_port"] = port.Number;
            return new(null, new Uri($"http://127.0.0.1:{port.Number}"));
        }

        var path = _sockets.Socket(spec.AgentId);
        spec.Config["unix_socket"] = path;
        return new(path, null);
    }

    /// <summary>The type's command, its program found.</summary>
    /// <exception cref="AgentStartException">There is no such program.</exception>
    public static IReadOnlyList<string> Resolve(AgentType type)
    {
        var program = type.Command[0];
        if (program.Contains('/', StringComparison.Ordinal))
        {
            // It is started in the agent's workspace, where a relative path would lead elsewhere.
            return File.Exists(program) ? [Path.GetFullPath(program), .. type.Command.Skip(1)] : throw Missing("there is no such file");
        }

        var path = System.Environment.GetEnvironmentVariable("PATH") ?? "";
        return path.Split(':', StringSplitOptions.RemoveEmptyEntries).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists) is { } found
            ? [found, .. type.Command.Skip(1)]
            : throw Missing("it is not on PATH");

        AgentStartException Missing(string why) => new($"agent type '{type.Name}' is started with '{Path.GetFileName(program)}', and {why}");
    }
}
