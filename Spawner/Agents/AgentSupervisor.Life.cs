using System.Collections.Concurrent;
using System.ComponentModel;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Teams;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgentKernel.Spawner.Agents;

/// <summary>The life of agents beyond one call: across restarts of the kernel, until their end, and an hour after it.</summary>
internal sealed partial class AgentSupervisor : IHostedService, IDisposable
{
    // Also when the host begins to stop: its server waits for the calls that run, and they for this.
    private readonly CancellationTokenSource _stopping = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopping);
    private readonly ConcurrentDictionary<Task, bool> _lives = new();

    private const string KernelShutDown = "the kernel was shut down";

    // Beyond the grace: killing, confirming and cleaning up, for many agents at once.
    private static readonly TimeSpan StopMargin = TimeSpan.FromSeconds(30);

    /// <summary>Takes up what an earlier kernel left: running agents go on, ended ones are told of, half-started ones are removed.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _stopping.Token.Register(() => _feed.End(ShuttingDown()));
        foreach (var (agentId, record) in store.Load())
        {
            if (record is not { BackendState: not null } || !await TakeUpAsync(record, cancellationToken))
            {
                await RemoveAsync(agentId, cancellationToken);
            }
        }

        await SweepAsync();
        await LimitEndedAsync();
    }

    /// <summary>
    /// Lets no agent in any more, then ends those that run, or leaves them where the options say so. Bounded by itself and
    /// not by the host's token, which those who stopped before may have used up: agents must be gone, and seen to be.
    /// </summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        if (!options.KeepAgents)
        {
            var bound = options.StopGrace + StopMargin;
            await Task.WhenAll(_agents.Values.Select(agent => StopByItselfAsync(agent, KernelShutDown))).WaitAsync(bound, CancellationToken.None);
            await Task.WhenAll(_lives.Keys).WaitAsync(bound, CancellationToken.None);
        }
    }

    public void Dispose()
    {
        if (!_stopping.IsCancellationRequested) // it is disposed of twice: as a service and as a hosted one
        {
            _stopping.Cancel();
        }

        _stopping.Dispose();
    }

    // False where nothing is known of the agent.
    private async Task<bool> TakeUpAsync(AgentRecord record, CancellationToken cancellationToken)
    {
        _revision = Math.Max(_revision, record.Revision);
        var type = types.Known(record.AgentType) ?? new AgentType { Name = record.AgentType, Command = [] };
        var lease = record.HasEnded ? null : teams.Retake(record.TeamId, record.Resources);
        var spec = SpecOf(record, type, ReadRequest(record), lease);
        var handle = await backends.Of(record.Backend).ReattachAsync(spec, record.BackendState!.Value, cancellationToken); // StartAsync looked
        if (record.HasEnded)
        {
            var ended = new SupervisedAgent(record, lease: null) { Handle = handle };
            _agents[record.Id] = ended;
            Own(DropLaterAsync(ended));
            return true;
        }

        if (handle is null)
        {
            lease!.Dispose(); // it has not ended
            return false;
        }

        // Which turns ran is the gateway's to say anew.
        var agent = new SupervisedAgent(record with { State = record.State is AgentState.Starting ? AgentState.Starting : AgentState.Idle, Revision = ++_revision }, lease) { Handle = handle };
        _agents[record.Id] = agent;
        LogReattached(record.Id, record.Name);
        Supervise(agent, handle);
        return true;
    }

    private async Task RemoveAsync(string agentId, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var backend in backends.All) // there may be no record to say which
            {
                await backend.CleanUpAsync(agentId, cancellationToken);
            }

            store.Remove(agentId);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogFolderLeft(exception, agentId); // the next start tries again
        }
    }

    // What could not be removed must not keep the kernel from starting: it is said, and tried again by the next one.
    private async Task SweepAsync()
    {
        try
        {
            foreach (var orphan in await orphans.RunAsync(_agents.Keys.ToHashSet(StringComparer.Ordinal)))
            {
                LogOrphan(orphan);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogOrphansLeft(exception);
        }
    }

    private void Own(Task life)
    {
        _lives[life] = true;
        _ = life.ContinueWith(Over, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

        void Over(Task ended)
        {
            _lives.TryRemove(ended, out _);
            if (ended.Exception is { } defect)
            {
                LogLifeBroken(defect.InnerException ?? defect);
            }
        }
    }

    // Whoever starts and ends agents without a pause must not fill the memory for the time that records stay.
    private async Task LimitEndedAsync()
    {
        var ended = _agents.Values.Select(agent => (Agent: agent, agent.Record)).Where(pair => pair.Record.HasEnded).ToList();
        foreach (var (oldest, _) in ended.OrderBy(pair => pair.Record.EndedAt).ThenBy(pair => pair.Record.Revision).Take(Math.Max(0, ended.Count - options.MaxEndedRecords)))
        {
            _agents.TryRemove(oldest.Record.Id, out _);
            await oldest.Retention.CancelAsync(); // the rest is for its own task to do
        }
    }

    private async Task DropLaterAsync(SupervisedAgent agent)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, agent.Retention.Token);
        try
        {
            await Task.Delay(options.EndedRetention - (time.GetUtcNow() - agent.Record.EndedAt!.Value) is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero, time, either.Token);
        }
        catch (OperationCanceledException)
        {
            if (!agent.Retention.IsCancellationRequested)
            {
                return; // the next kernel reads the record and goes on waiting
            }
        }

        _agents.TryRemove(agent.Record.Id, out _);
        CleanUp(agent, keepLog: false);
        await (agent.Handle?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    private void CleanUp(SupervisedAgent agent, bool keepLog)
    {
        if (options.Debug)
        {
            return;
        }

        try
        {
            if (keepLog)
            {
                store.RemoveWorkspace(agent.Record.Id);
            }
            else
            {
                store.Remove(agent.Record.Id);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogFolderLeft(exception, agent.Record.Id); // the next kernel tries again
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The folder of agent {AgentId} could not be removed")]
    private partial void LogFolderLeft(Exception exception, string agentId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Removed what was left of an agent that nothing is known of: {Orphan}")]
    private partial void LogOrphan(string orphan);

    [LoggerMessage(Level = LogLevel.Error, Message = "What was left of agents that nothing is known of could not be removed")]
    private partial void LogOrphansLeft(Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "Agent {AgentId} ({Name}) was started by an earlier kernel and is taken up again")]
    private partial void LogReattached(string agentId, string name);

    [LoggerMessage(Level = LogLevel.Critical, Message = "An agent is no longer looked after, because of a defect in the kernel")]
    private partial void LogLifeBroken(Exception exception);
}
