using System.Text;
using System.Text.Json;
using AgentKernel.ServiceDefaults;
using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Backends.Local;
using AgentKernel.Spawner.Limits;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>
/// Runs agents as processes of this machine in sandboxes of bubblewrap: each has users, processes, files and a network of
/// its own, and of the machine only what it is given.
/// </summary>
internal sealed class BubblewrapBackend(LockedDataDirectory home, ProcessExitWatcher watcher, ResourceLimiter limiter, TimeProvider time) : IAgentBackend
{
    private const string SocketName = "s";
    private const string NotificationName = "notify";
    private const int AgentPort = 8000; // of agents that listen on one: a sandbox with a network of its own has all ports to itself

    // Of the programs that lead to bwrap, which clears it for the agent.
    private readonly Dictionary<string, string> _launchEnvironment = new() { ["PATH"] = SandboxEnvironment.Path, [ProcessTree.KernelVariable] = home.Id };

    private readonly LoopbackPorts _ports = new();
    private readonly SocketFolder _sockets = new(home.Path);
    private readonly SandboxFiles _files = new(home);

    public const string BackendName = "bwrap";

    public static readonly BackendCapabilities Abilities = new(Isolated: true, Remote: false) { ConfigKeys = [] };

    public string Name => BackendName;

    public BackendCapabilities Capabilities => Abilities;

    public Task<BackendProbe> ProbeAsync(CancellationToken cancellationToken) => Task.FromResult(BubblewrapProbe.Run());

    public async Task<IAgentHandle> StartAsync(AgentSpec spec, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var bubblewrap = BubblewrapProbe.Find() ?? throw new AgentStartException(BubblewrapProbe.Run().Detail);
        var command = LocalBackend.Resolve(spec.Type);
        var user = SandboxUser.Of(spec.AgentId);
        var endpoint = new AgentEndpoint(_sockets.Socket(spec.AgentId), null);
        try
        {
            _files.Write();
            using var port = spec is { Network.Host: true, Type.Listen: AgentListener.HttpPort } ? _ports.Take() : null;
            var plan = Prepare(spec, user, command, port?.Number ?? AgentPort);
            using var notification = spec.Type.Ready is AgentReadiness.Notify ? Notification(spec.AgentId, user) : null;
            var launch = new SandboxLaunch(plan, user);
            launch.Write(spec.Folder);
            return await ShimmedStart.RunAsync(
                () => ShimmedProcess.Start(
                    spec.Folder, spec.Folder, spec.AgentId, launch.Command(bubblewrap, _files.FilterPath, spec.Folder), _launchEnvironment,
                    limiter.Create(spec, user.Apart), watcher, Leader(spec)),
                new(endpoint, () => Remove(spec.AgentId)), spec, notification, time, cancellationToken,
                () => SandboxSocket.Pin(Path.Combine(_sockets.Own(spec.AgentId), SocketName), endpoint.UnixSocket!)); // set above
        }
        catch
        {
            Remove(spec.AgentId);
            throw;
        }
        finally
        {
            File.Delete(SandboxLaunch.ArgumentsPath(spec.Folder)); // bwrap has read it, and the agent's environment is in it
        }
    }

    public Task<IAgentHandle?> ReattachAsync(AgentSpec spec, JsonElement savedState, CancellationToken cancellationToken)
    {
        if (LocalState.Read(savedState) is not { } state)
        {
            return Task.FromResult<IAgentHandle?>(null);
        }

        var process = ShimmedProcess.Reattach(spec.Folder, spec.AgentId, state.Process, limiter.Find(spec.AgentId), watcher, Leader(spec));
        return Task.FromResult<IAgentHandle?>(new LocalAgent(process, new(new(state.UnixSocket, state.Http), () => Remove(spec.AgentId)), spec));
    }

    public async Task CleanUpAsync(string agentId, CancellationToken cancellationToken)
    {
        var limits = limiter.Find(agentId);
        await new ProcessTree(session: 0, agentId, limits: limits).KillAllAsync(watcher);
        await limits.RemoveAsync();
        Remove(agentId);
    }

    private static FindLeader Leader(AgentSpec spec) => bubblewrap => SandboxStatus.FirstProcess(spec.Folder, bubblewrap);

    // Makes what the sandbox has of its own, and says what it is made of.
    private SandboxPlan Prepare(AgentSpec spec, SandboxUser user, IReadOnlyList<string> command, int port)
    {
        var workspace = Path.Combine(spec.Folder, "workspace");
        var sockets = _sockets.Own(spec.AgentId);
        foreach (var folder in new[] { workspace, sockets })
        {
            DataDirectory.CreateFolder(folder);
            user.Take(folder);
        }

        var socket = $"{BubblewrapArguments.Sockets}/{SocketName}";
        var forwards = new List<string>();
        if (spec.Type.Listen is AgentListener.HttpPort)
        {
            spec.Config["http_port"] = port;
            forwards.AddRange([$"unix:{socket}", $"tcp:{port}"]);
        }
        else
        {
            spec.Config["unix_socket"] = socket;
        }

        if (spec.ImagePath is not null)
        {
            spec.Config["image_path"] = BubblewrapArguments.Image;
        }

        DataDirectory.WriteAtomically(Path.Combine(spec.Folder, "config.json"), Encoding.UTF8.GetBytes(spec.Config.ToJsonString()));

        var environment = SandboxEnvironment.Build(Environment.GetEnvironmentVariable, spec);
        environment[ProcessTree.KernelVariable] = home.Id;
        if (spec.Type.Ready is AgentReadiness.Notify)
        {
            environment[ReadyNotification.Variable] = $"{BubblewrapArguments.Sockets}/{NotificationName}";
        }

        var (links, system) = SandboxRoot.System(spec.Network.Host);
        var (inside, variables, programs) = SandboxRoot.Programs(command, environment, home.Path);
        return new()
        {
            Links = links,
            ReadOnly =
            [
                .. system, .. programs, new(_files.Folder, BubblewrapArguments.Files),
                .. spec.ImagePath is { } image ? [new Bind(image, BubblewrapArguments.Image)] : Array.Empty<Bind>(),
            ],
            Writable = [new(workspace, BubblewrapArguments.Workspace), new(sockets, BubblewrapArguments.Sockets)],
            Environment = variables,
            Command = [.. inside, "--config", BubblewrapArguments.Config],
            Forwards = forwards,
            HostNetwork = spec.Network.Host,
        };
    }

    private ReadyNotification Notification(string agentId, SandboxUser user)
    {
        var path = Path.Combine(_sockets.Own(agentId), NotificationName);
        var notification = new ReadyNotification(path);
        try
        {
            user.Take(path);
            return notification;
        }
        catch
        {
            notification.Dispose();
            throw;
        }
    }

    // What it has outside its folder.
    private void Remove(string agentId)
    {
        File.Delete(_sockets.Socket(agentId));
        if (Directory.Exists(_sockets.Own(agentId)))
        {
            Directory.Delete(_sockets.Own(agentId), recursive: true);
        }
    }
}
