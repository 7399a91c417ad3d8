using System.Text;
using System.Text.Json;
using AgentKernel.ServiceDefaults;
using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Backends.Local;
using AgentKernel.Spawner.Limits;
using AgentKernel.Spawner.Processes;
using Microsoft.Extensions.Logging;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>
/// Runs agents as processes of this machine in sandboxes of bubblewrap: each has users, processes, files and a network of
/// its own, and of the machine only what it is given.
/// </summary>
internal sealed partial class BubblewrapBackend(LockedDataDirectory home, ProcessExitWatcher watcher, ResourceLimiter limiter, TimeProvider time, ILoggerFactory loggers) : IAgentBackend, IAsyncDisposable
{
    private const string SocketName = "s";
    private const string NotificationName = "notify";
    private const int AgentPort = 8000; // of agents that listen on one: a sandbox with a network of its own has all ports to itself

    // Of the programs that lead to bwrap, which clears it for the agent.
    private readonly Dictionary<string, string> _launchEnvironment = new() { ["PATH"] = SandboxEnvironment.Path, [ProcessTree.KernelVariable] = home.Id };

    private readonly LoopbackPorts _ports = new();
    private readonly SocketFolder _sockets = new(home.Path);
    private readonly SandboxFiles _files = new(home);
    private readonly SandboxEgress _egress = new(loggers);
    private readonly ILogger _logger = loggers.CreateLogger<BubblewrapBackend>();

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
            var grant = EgressGrant.Of(spec);
            await OpenAsync(spec, grant, user, cancellationToken);
            using var port = spec is { Network.Host: true, Type.Listen: AgentListener.HttpPort } ? _ports.Take() : null;
            var plan = Prepare(spec, grant, user, command, port?.Number ?? AgentPort);
            using var notification = spec.Type.Ready is AgentReadiness.Notify ? Notification(spec.AgentId, user) : null;
            var launch = new SandboxLaunch(plan, user);
            launch.Write(spec.Folder);
            var agent = await ShimmedStart.RunAsync(
                () => ShimmedProcess.Start(
                    spec.Folder, spec.Folder, spec.AgentId, launch.Command(bubblewrap, _files.FilterPath, spec.Folder), _launchEnvironment,
                    limiter.Create(spec, user.Apart), watcher, Leader(spec)),
                new(endpoint, () => Remove(spec.AgentId)), spec, notification, time, cancellationToken,
                () => SandboxSocket.Pin(Path.Combine(_sockets.Own(spec.AgentId), SocketName), endpoint.UnixSocket!)); // set above
            return new SandboxedAgent(agent, WorkspaceWatch.Of(spec, Workspace(spec), time), () => CloseAsync(spec));
        }
        catch
        {
            await CloseAsync(spec);
            Remove(spec.AgentId);
            throw;
        }
        finally
        {
            File.Delete(SandboxLaunch.ArgumentsPath(spec.Folder)); // bwrap has read it, and the agent's environment is in it
        }
    }

    public async Task<IAgentHandle?> ReattachAsync(AgentSpec spec, JsonElement savedState, CancellationToken cancellationToken)
    {
        if (LocalState.Read(savedState) is not { } state)
        {
            return null;
        }

        if (state.Process.Shim.IsAlive && EgressGrant.Load(spec.Folder) is { } grant)
        {
            spec = spec with { Secrets = [.. spec.Secrets, .. grant.Model is { } model ? [model.Credential] : Array.Empty<string>()] };
            await OpenAgainAsync(spec, grant, cancellationToken);
        }

        var process = ShimmedProcess.Reattach(spec.Folder, spec.AgentId, state.Process, limiter.Find(spec.AgentId), watcher, Leader(spec));
        var agent = new LocalAgent(process, new(new(state.UnixSocket, state.Http), () => Remove(spec.AgentId)), spec);
        return new SandboxedAgent(agent, WorkspaceWatch.Of(spec, Workspace(spec), time), () => CloseAsync(spec));
    }

    public async Task CleanUpAsync(string agentId, CancellationToken cancellationToken)
    {
        var limits = limiter.Find(agentId);
        await new ProcessTree(session: 0, agentId, limits: limits).KillAllAsync(watcher);
        await limits.RemoveAsync();
        Remove(agentId);
        await _egress.CloseAsync(agentId, _sockets.Served(agentId));
    }

    /// <summary>Serves agents no more. Those that run on have no network until a later kernel takes them up.</summary>
    public ValueTask DisposeAsync() => _egress.DisposeAsync();

    private static string Workspace(AgentSpec spec) => Path.Combine(spec.Folder, "workspace");

    private static FindLeader Leader(AgentSpec spec) => bubblewrap => SandboxStatus.FirstProcess(spec.Folder, bubblewrap);

    private async Task OpenAsync(AgentSpec spec, EgressGrant grant, SandboxUser user, CancellationToken cancellationToken)
    {
        ModelGrant.Write(grant.Model, spec.Config, SandboxEgress.ModelUrl);
        if (spec.Network.Host)
        {
            LogHostNetwork(spec.AgentId, spec.Name);
            return;
        }

        grant.Save(spec.Folder);
        await _egress.OpenAsync(spec.AgentId, grant, user, _sockets.Served(spec.AgentId), cancellationToken);
    }

    private async Task OpenAgainAsync(AgentSpec spec, EgressGrant grant, CancellationToken cancellationToken)
    {
        try
        {
            await _egress.OpenAsync(spec.AgentId, grant, SandboxUser.Of(spec.AgentId), _sockets.Served(spec.AgentId), cancellationToken);
        }
        catch (AgentStartException exception)
        {
            LogNotServed(exception, spec.AgentId, spec.Name); // it goes on, and its calls fail
        }
    }

    private ValueTask CloseAsync(AgentSpec spec)
    {
        EgressGrant.Delete(spec.Folder);
        return _egress.CloseAsync(spec.AgentId, _sockets.Served(spec.AgentId));
    }

    // Makes what the sandbox has of its own, and says what it is made of.
    private SandboxPlan Prepare(AgentSpec spec, EgressGrant grant, SandboxUser user, IReadOnlyList<string> command, int port)
    {
        var workspace = Workspace(spec);
        var sockets = _sockets.Own(spec.AgentId);
        foreach (var folder in new[] { workspace, sockets })
        {
            DataDirectory.CreateFolder(folder);
            user.Take(folder);
        }

        var socket = $"{BubblewrapArguments.Sockets}/{SocketName}";
        List<string> forwards = [.. spec.Network.Host ? [] : SandboxEgress.Forwards(grant)];
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
                .. spec.Network.Host ? Array.Empty<Bind>() : [new Bind(_sockets.Served(spec.AgentId), SandboxEgress.Inside)],
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "Agent {AgentId} ({Name}) is not isolated from the network: it has that of this machine, as was asked for, with all that listens on its loopback")]
    private partial void LogHostNetwork(string agentId, string name);

    [LoggerMessage(Level = LogLevel.Error, Message = "Agent {AgentId} ({Name}) of an earlier kernel has no way out of its sandbox any more")]
    private partial void LogNotServed(Exception exception, string agentId, string name);
}
