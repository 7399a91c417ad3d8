using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using AgentKernel.Contracts.V1;
using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Teams;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgentKernel.Spawner.Agents;

/// <summary>The life of agents beyond one call: across restarts of the kernel, until their end, and an hour after it.</summary>
internal sealed partial class AgentSupervisor : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<Task, bool> _lives = new();

    /// <summary>Takes up what an earlier kernel left: running agents go on, ended ones are told of, half-started ones are removed.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var (agentId, record) in store.Load().ToList())
        {
            if (record is null or { State: AgentState.Starting } or { BackendState: null })
            {
                await backends.Chosen.CleanUpAsync(agentId, cancellationToken);
                store.Remove(agentId);
                continue;
            }

            _revision = Math.Max(_revision, record.Revision);
            await TakeUpAsync(record, cancellationToken);
        }
    }

    /// <summary>Lets no agent in any more, then ends those that run, or leaves them where the options say so.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        if (!options.KeepAgents)
        {
            await Task.WhenAll(_agents.Values.Where(agent => !agent.Record.HasEnded).Select(agent => StopAsync(agent, "the kernel was shut down"))).WaitAsync(cancellationToken);
            await Task.WhenAll(_lives.Keys).WaitAsync(cancellationToken);
        }
    }

    public void Dispose() => _stopping.Dispose();

    private async Task TakeUpAsync(AgentRecord record, CancellationToken cancellationToken)
    {
        var type = types.Known(record.AgentType) ?? new AgentType { Name = record.AgentType, Command = [] };
        var spec = SpecOf(record, type);
        spec = spec with { Secrets = [.. spec.Secrets, .. AgentConfig.Secrets(ReadConfig(spec.Folder))] };
        if (record.HasEnded)
        {
            var ended = new SupervisedAgent(record, lease: null);
            _agents[record.Id] = ended;
            Own(DropLaterAsync(ended));
            return;
        }

        if (await backends.Of(record.Backend).ReattachAsync(spec, record.BackendState!.Value, cancellationToken) is not { } handle)
        {
            await backends.Of(record.Backend).CleanUpAsync(record.Id, cancellationToken);
            store.Remove(record.Id);
            return;
        }

        // Which turns ran is the gateway's to say anew.
        var agent = new SupervisedAgent(record with { State = AgentState.Idle }, teams.Retake(record.TeamId, record.Resources)) { Handle = handle };
        _agents[record.Id] = agent;
        LogReattached(record.Id, record.Name);
        Supervise(agent, handle);
    }

    private static JsonNode? ReadConfig(string folder) =>
        Path.Combine(folder, "config.json") is var path && File.Exists(path) ? JsonNode.Parse(File.ReadAllText(path)) : null;

    private void Own(Task life)
    {
        _lives[life] = true;
        _ = life.ContinueWith(ended => _lives.TryRemove(ended, out _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    // The one task of a running agent, owned by _lives: from ready to the day its record is dropped.
    private void Supervise(SupervisedAgent agent, IAgentHandle handle)
    {
        Own(LiveAsync());

        async Task LiveAsync()
        {
            var end = await handle.Completion;
            var asked = agent.StopReason;
            var reason = asked ?? $"its program {end.Describe()}";
            if (!options.Debug)
            {
                CleanUp(agent, keepLog: asked is null);
            }

            agent.Lease?.Dispose();
            Change(agent, current => current with
            {
                State = asked is null ? AgentState.Failed : AgentState.Stopped,
                EndedAt = time.GetUtcNow(),
                Exit = new(end.Code, end.Signal, reason, end.OutputTail),
            }, save: asked is null);
            LogEnded(agent.Record.Id, agent.Record.Name, reason);
            agent.Ended.SetResult();
            await DropLaterAsync(agent);
        }
    }

    private async Task DropLaterAsync(SupervisedAgent agent)
    {
        try
        {
            await Task.Delay(options.EndedRetention - (time.GetUtcNow() - agent.Record.EndedAt!.Value) is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero, time, _stopping.Token);
        }
        catch (OperationCanceledException)
        {
            return; // the next kernel reads the record and goes on waiting
        }

        Drop(agent);
    }

    private void Drop(SupervisedAgent agent)
    {
        _agents.TryRemove(agent.Record.Id, out _);
        if (!options.Debug)
        {
            CleanUp(agent, keepLog: false);
        }
    }

    private void Forget(SupervisedAgent agent, Exception cause)
    {
        LogNotStarted(agent.Record.Id, agent.Record.Name, agent.Record.AgentType, cause is OperationCanceledException ? "cancelled" : cause.GetType().Name);
        if (!options.Debug)
        {
            CleanUp(agent, keepLog: false);
        }

        agent.Lease?.Dispose();
        _agents.TryRemove(agent.Record.Id, out _);
        Change(agent, current => current with
        {
            State = agent.StopReason is null ? AgentState.Failed : AgentState.Stopped,
            EndedAt = time.GetUtcNow(),
            Exit = new(null, null, agent.StopReason ?? "it did not start", ""),
        });
        agent.Ended.SetResult();
    }

    private void CleanUp(SupervisedAgent agent, bool keepLog)
    {
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
            LogFolderLeft(exception, agent.Record.Id); // the janitor of the next start tries again
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Agent {AgentId} ({Name}, {AgentType}) did not start: {Cause}")]
    private partial void LogNotStarted(string agentId, string name, string agentType, string cause);

    [LoggerMessage(Level = LogLevel.Information, Message = "Agent {AgentId} ({Name}) has ended: {Reason}")]
    private partial void LogEnded(string agentId, string name, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The folder of agent {AgentId} could not be removed")]
    private partial void LogFolderLeft(Exception exception, string agentId);

    [LoggerMessage(Level = LogLevel.Information, Message = "Agent {AgentId} ({Name}) was started by an earlier kernel and is taken up again")]
    private partial void LogReattached(string agentId, string name);
}
