using System.Diagnostics;
using System.Diagnostics.Metrics;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.Rpc.Connect;
using AgentKernel.ServiceDefaults.Telemetry;
using AgentKernel.Spawner.Agents;
using AgentKernel.Spawner.Teams;

namespace AgentKernel.Spawner.Telemetry;

/// <summary>A span and the time of each spawn, and what there is: agents by state, teams and their use.</summary>
internal sealed class SpawnerTelemetry : IDisposable
{
    private const string Name = "AgentKernel.Spawner";
    private static readonly double[] SpawnBuckets = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60];
    private static readonly ActivitySource Source = new(Name);

    private readonly Meter _meter = new(Name);
    private readonly Histogram<double> _spawns;
    private readonly AgentSupervisor _supervisor;
    private readonly TeamRegistry _teams;

    public SpawnerTelemetry(AgentSupervisor supervisor, TeamRegistry teams)
    {
        (_supervisor, _teams) = (supervisor, teams);
        _spawns = _meter.CreateHistogram(
            "agentkernel.spawn.duration", GenAi.Seconds, "From the call to an agent that takes turns, or to the failure.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = SpawnBuckets });
        _meter.CreateObservableUpDownCounter("agentkernel.agents", Agents, "{agent}", "Agents by state and backend; ended ones while their record is kept.");
        _meter.CreateObservableGauge("agentkernel.team.capacity", () => Of(team => team.Capacity), "1", "What a team reserves: cores, bytes, agents, processes.");
        _meter.CreateObservableGauge("agentkernel.team.used", () => Of(team => team.Used), "1", "What a team's agents hold of it: cores, bytes, agents, processes.");
    }

    /// <summary>Runs a spawn under a span of its own, and takes its time.</summary>
    public async Task<(Agent Agent, string Nonce)> SpawnAsync(SpawnAgentRequest request, string backend, Func<Task<(Agent Agent, string Nonce)>> spawn)
    {
        var start = Stopwatch.GetTimestamp();
        using var span = Source.StartActivity($"{GenAi.CreateAgent} {request.Name}", ActivityKind.Client);
        var path = "cold";
        string? error = null;
        try
        {
            var spawned = await spawn();
            span?.SetTag(GenAi.AgentId, spawned.Agent.Id);
            return spawned;
        }
        catch (Exception exception)
        {
            error = exception is RpcException refused ? ConnectStatus.NameOf(refused.Code) : exception is OperationCanceledException ? "canceled" : exception.GetType().FullName!;
            throw;
        }
        finally
        {
            span?.SetTag(GenAi.OperationName, GenAi.CreateAgent)
                .SetTag(GenAi.AgentName, request.Name)
                .SetTag(GenAi.ProviderName, request.ModelAccess is { Provider.Length: > 0 } access ? access.Provider : null)
                .SetTag(KernelAttributes.Backend, backend)
                .SetTag(KernelAttributes.SpawnPath, path)
                .SetTag(KernelAttributes.AgentType, request.AgentType);
            TagList tags = new() { { KernelAttributes.Backend, backend }, { KernelAttributes.SpawnPath, path } };
            if (error is not null)
            {
                span?.SetTag(GenAi.ErrorType, error).SetStatus(ActivityStatusCode.Error);
                tags.Add(GenAi.ErrorType, error);
            }

            _spawns.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, tags);
        }
    }

    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<long>> Agents() => _supervisor.List(AgentFilter.All)
        .GroupBy(agent => (agent.State, agent.Backend))
        .Select(group => new Measurement<long>(
            group.Count(),
            new(KernelAttributes.AgentState, group.Key.State.ToString().ToLowerInvariant()),
            new(KernelAttributes.Backend, group.Key.Backend)));

    private IEnumerable<Measurement<double>> Of(Func<Team, Resources> amounts)
    {
        foreach (var team in _teams.List())
        {
            if (amounts(team) is not { } resources)
            {
                continue;
            }

            foreach (var (resource, amount) in Named(resources))
            {
                yield return new(amount, new(KernelAttributes.Team, team.Id), new(KernelAttributes.Resource, resource));
            }
        }
    }

    private static IEnumerable<(string Resource, double Amount)> Named(Resources resources)
    {
        if (resources.HasCpu)
        {
            yield return ("cpu", resources.Cpu);
        }

        if (resources.HasMemoryBytes)
        {
            yield return ("memory", resources.MemoryBytes);
        }

        if (resources.HasAgents)
        {
            yield return ("agents", resources.Agents);
        }

        if (resources.HasPids)
        {
            yield return ("pids", resources.Pids);
        }

        if (resources.HasDiskBytes)
        {
            yield return ("disk", resources.DiskBytes);
        }
    }
}
