using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>A machine without processes: its agents are tasks. They outlive the kernels that start them, as real ones do.</summary>
internal sealed class FakeMachine
{
    public ConcurrentDictionary<string, FakeAgent> Agents { get; } = new();

    /// <summary>Runs before a start returns, with what would be returned.</summary>
    public Func<AgentSpec, CancellationToken, Task> BeforeReady { get; set; } = (_, _) => Task.CompletedTask;

    public static AgentType Type(Behaviour behaviour) => new()
    {
        Name = behaviour.ToString().ToLowerInvariant(),
        Command = [behaviour.ToString()],
        Listen = AgentListener.UnixSocket,
        Ready = AgentReadiness.Notify,
    };

    public IEnumerable<string> Running => Agents.Values.Where(agent => !agent.Ended.IsCompleted).Select(agent => agent.Spec.AgentId);
}

/// <summary>The backend of <see cref="FakeMachine"/>, for tests of what is above the seam. Keeps the contract of backends.</summary>
internal sealed class FakeBackend(FakeMachine machine) : IAgentBackend
{
    public string Name => "fake";

    public BackendCapabilities Capabilities { get; } = new(Isolated: false, Remote: false);

    public Task<BackendProbe> ProbeAsync(CancellationToken cancellationToken) => Task.FromResult(new BackendProbe(true, "agents that are tasks"));

    public async Task<IAgentHandle> StartAsync(AgentSpec spec, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var agent = machine.Agents[spec.AgentId] = new FakeAgent(spec);
        using var deadline = new CancellationTokenSource(spec.StartTimeout);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        try
        {
            await Task.WhenAny(agent.Ready, agent.Ended, Task.Delay(Timeout.Infinite, either.Token));
            cancellationToken.ThrowIfCancellationRequested();
            if (agent.Ended.IsCompleted)
            {
                var end = await agent.Ended;
                throw new AgentStartException($"it {end.Describe()} before it was ready; its last output: {end.OutputTail}");
            }

            if (!agent.Ready.IsCompleted)
            {
                throw new AgentStartException($"it was not ready within {spec.StartTimeout.TotalSeconds:0.###} s, and printed nothing");
            }

            await machine.BeforeReady(spec, cancellationToken);
            return agent;
        }
        catch
        {
            await agent.StopAsync(TimeSpan.Zero);
            throw;
        }
    }

    public Task<IAgentHandle?> ReattachAsync(AgentSpec spec, JsonElement savedState, CancellationToken cancellationToken) => Task.FromResult<IAgentHandle?>(
        savedState.ValueKind is JsonValueKind.Object && savedState.TryGetProperty("fake", out var id) ? machine.Agents.GetValueOrDefault(id.GetString() ?? "") : null);

    public Task CleanUpAsync(string agentId, CancellationToken cancellationToken) =>
        machine.Agents.TryGetValue(agentId, out var agent) ? agent.StopAsync(TimeSpan.Zero) : Task.CompletedTask;
}

/// <summary>An agent that is a task and a list of bytes.</summary>
internal sealed class FakeAgent : IAgentHandle
{
    private static int _lastPid;
    private readonly SemaphoreSlim _releases = new(0);
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<AgentEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string _pid = $"fake-{Interlocked.Increment(ref _lastPid)}";
    private readonly Behaviour _behaviour;
    private readonly MemoryStream _log = new();
    private TaskCompletionSource _printed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public FakeAgent(AgentSpec spec)
    {
        Spec = spec;
        _behaviour = Enum.Parse<Behaviour>(spec.Type.Command[0]);
        _ = RunAsync();
    }

    public AgentSpec Spec { get; }

    public Task Ready => _ready.Task;

    public Task<AgentEnd> Ended => _ended.Task;

    public JsonElement SavedState => JsonSerializer.SerializeToElement(new Dictionary<string, string> { ["fake"] = Spec.AgentId });

    public AgentEndpoint Endpoint { get; } = new("/fake.sock", null);

    public Task<AgentEnd> Completion => _ended.Task;

    public IReadOnlyDictionary<string, string> Status => new Dictionary<string, string> { ["pid"] = _pid };

    public void Release() => _releases.Release();

    public async Task StopAsync(TimeSpan grace)
    {
        if (_behaviour is Behaviour.IgnoresTerm or Behaviour.NeverReady && !_ended.Task.IsCompleted)
        {
            await Task.WhenAny(_ended.Task, Task.Delay(grace));
            End(null, 9);
        }

        End(null, 15);
    }

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadLogAsync(long tailBytes, bool follow, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        int? position = null;
        for (var last = false; !last;)
        {
            last = !follow || _ended.Task.IsCompleted;
            byte[] piece;
            Task printed;
            lock (_log)
            {
                printed = _printed.Task;
                var from = position ?? (int)(tailBytes > 0 ? Math.Max(0, _log.Length - tailBytes) : 0);
                piece = _log.ToArray()[Math.Min(from, (int)_log.Length)..];
                position = from + piece.Length;
            }

            if (piece.Length > 0)
            {
                yield return piece;
            }

            if (!last)
            {
                await Task.WhenAny(printed, _ended.Task).WaitAsync(cancellationToken);
            }
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Ends it, as its program or something from outside does.</summary>
    public void End(int? code, int? signal)
    {
        byte[] log;
        lock (_log)
        {
            log = _log.ToArray();
        }

        _ended.TrySetResult(new(code, signal, SecretRedactor.Redact(log.AsSpan(Math.Max(0, log.Length - 4096)), Spec.Secrets).Trim()));
    }

    private async Task RunAsync()
    {
        switch (_behaviour)
        {
            case Behaviour.ExitsAtStart:
                Print("no model\n");
                End(7, null);
                return;
            case Behaviour.NeverReady:
                return;
            case Behaviour.Idle:
                Print("up\n");
                break;
        }

        _ready.SetResult();
        await _releases.WaitAsync();
        switch (_behaviour)
        {
            case Behaviour.Idle:
                while (true)
                {
                    Print("released\n");
                    await _releases.WaitAsync();
                }

            case Behaviour.Exits:
                Print("bye\n");
                End(3, null);
                break;
            case Behaviour.IsKilled:
                End(null, 9);
                break;
            case Behaviour.Floods:
                Print(new string('x', 25 * 1024 * 1024) + "\nthe newest line\n");
                End(0, null);
                break;
            case Behaviour.PrintsSecret:
                Print($"secret: {Spec.Secrets.First()}\n");
                End(0, null);
                break;
            case Behaviour.PrintsEnvironment:
                Print(string.Concat(Spec.Environment.Select(variable => $"{variable.Key}={variable.Value}\n")));
                End(0, null);
                break;
            default:
                End(0, null);
                break;
        }
    }

    private void Print(string text)
    {
        lock (_log)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            _log.Write(bytes.AsSpan(Math.Max(0, bytes.Length - (2 * AgentLog.MaxFileBytes))));
            _printed.SetResult();
            _printed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
