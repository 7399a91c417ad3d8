using System.ComponentModel;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.Spawner.Backends;
using Microsoft.Extensions.Logging;

namespace AgentKernel.Spawner.Agents;

/// <summary>What becomes of an agent that runs: its end, or its being started anew.</summary>
internal sealed partial class AgentSupervisor
{
    // The one task of a running agent, owned by _lives: from ready to the day its record is dropped.
    private void Supervise(SupervisedAgent agent, IAgentHandle handle)
    {
        Own(LiveAsync());

        async Task LiveAsync()
        {
            try
            {
                var end = await RunAsync(agent, handle);
                while (MayRestart(agent, end))
                {
                    end = await RestartAsync(agent, end);
                }

                if (agent.StopReason is null && _stopping.IsCancellationRequested && agent.Record.State is AgentState.Starting)
                {
                    if (options.KeepAgents)
                    {
                        return; // it waits to be started anew, which is for the next kernel to do
                    }

                    agent.StopReason = KernelShutDown;
                }

                await ToldEndAsync(agent, end);
            }
            finally
            {
                agent.Lease?.Dispose();
                agent.Ended.TrySetResult(); // whoever waits for the end waits without a bound
            }

            await DropLaterAsync(agent);
        }
    }

    // From ready to the end of its processes.
    private async Task<Ending> RunAsync(SupervisedAgent agent, IAgentHandle handle)
    {
        using var timers = new LifeTimers(
            agent.Record, time,
            reason => EndByClock(agent, reason, unless: AgentState.Running), // a turn may have begun this moment
            reason => EndByClock(agent, reason, unless: null));
        agent.Timers = timers;
        var end = await handle.Completion;
        agent.Timers = null;
        return new(end, $"its program {end.Describe()}");
    }

    private void EndByClock(SupervisedAgent agent, string reason, AgentState? unless)
    {
        if (agent.StopReason is null && agent.Record.State != unless)
        {
            agent.EndedByClock = true;
            Own(StopByItselfAsync(agent, reason));
        }
    }

    private bool MayRestart(SupervisedAgent agent, Ending end) =>
        end.Failed && agent.StopReason is null && !_stopping.IsCancellationRequested
        && agent.Record is { Restart: { } rule, Restarts: var restarts } && restarts < rule.MaxRestarts;

    // Its id, its nonce's hash, its configuration and its workspace stay as they were.
    private async Task<Ending> RestartAsync(SupervisedAgent agent, Ending before)
    {
        var rule = agent.Record.Restart!; // looked at by MayRestart
        using var either = CancellationTokenSource.CreateLinkedTokenSource(agent.Start.Token, _stopping.Token);
        var wait = rule.WaitBefore(agent.Record.Restarts + 1);
        var waited = Task.Delay(wait, time, either.Token); // runs before it is told of
        ChangeForGood(agent, current => current with { State = AgentState.Starting, Restarts = current.Restarts + 1 }, save: true);
        var record = agent.Record;
        LogRestarting(record.Id, record.Name, before.Reason, record.Restarts, rule.MaxRestarts, wait);
        try
        {
            await waited;
            if (types.Known(record.AgentType) is not { } type || ReadRequest(record) is not { } request)
            {
                return before with { Reason = $"{before.Reason}, and it could not be started again: what it was asked for with, or its agent type, is gone", Final = true };
            }

            var backend = backends.Of(record.Backend);
            var handle = await backend.StartAsync(SpecOf(record, type, request, agent.Lease), either.Token);
            await (agent.Handle?.DisposeAsync() ?? ValueTask.CompletedTask);
            agent.Handle = handle;
            ChangeForGood(agent, current => current with { State = AgentState.Idle, BackendState = handle.SavedState }, save: true);
            if (agent.Start.IsCancellationRequested)
            {
                await EndForGoodAsync(agent); // whoever asked may have seen the old handle still
            }

            return await RunAsync(agent, handle);
        }
        catch (Exception exception) when (exception is AgentStartException or RpcException)
        {
            return before with { Reason = $"it could not be started again: {exception.Message}" };
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or Win32Exception)
        {
            LogNotRestarted(exception, record.Id);
            return before with { Reason = "it could not be started again: its files could not be written, or the machine has no room for it" };
        }
        catch (OperationCanceledException)
        {
            return before;
        }
    }

    private async Task ToldEndAsync(SupervisedAgent agent, Ending ending)
    {
        var asked = agent.StopReason;
        var after = agent.Record.Restarts is > 0 and var restarts && asked is null ? $", after {restarts} restart{(restarts > 1 ? "s" : "")}" : "";
        var reason = asked ?? ending.Reason + after;
        agent.Lease?.Dispose();
        // A record that says why is kept until the end of its time, unless the one who ended the agent knows.
        ChangeForGood(
            agent,
            current => current with
            {
                State = asked is null ? AgentState.Failed : AgentState.Stopped,
                EndedAt = time.GetUtcNow(),
                Exit = new(ending.End.Code, ending.End.Signal, reason, ending.End.OutputTail),
            },
            save: asked is null || agent.EndedByClock || options.Debug);
        LogEnded(agent.Record.Id, agent.Record.Name, reason);
        CleanUp(agent, keepLog: asked is null || agent.EndedByClock); // it can take a while
        await LimitEndedAsync();
    }

    // For ends that nobody waits for. One that cannot be ended must not keep the kernel from ending, and waiting for, the others.
    private async Task StopByItselfAsync(SupervisedAgent agent, string reason)
    {
        try
        {
            await StopAsync(agent, reason);
        }
        catch (RpcException exception)
        {
            LogLeftRunning(exception, agent.Record.Id);
        }
    }

    // Null also where what was kept cannot be made a configuration of: an agent of this user can spoil it.
    private SpawnAgentRequest? ReadRequest(AgentRecord record)
    {
        try
        {
            return store.ReadRequest(record.Id) is { } request && AgentConfig.Build(record, request) is not null ? request : null;
        }
        catch (RpcException)
        {
            return null;
        }
    }

    // Leaves nothing of an agent whose start has failed or was cancelled.
    private async Task UndoAsync(SupervisedAgent agent, Exception cause)
    {
        LogNotStarted(agent.Record.Id, agent.Record.Name, agent.Record.AgentType, cause is OperationCanceledException ? "cancelled" : cause.GetType().Name);
        try
        {
            await UndoStartAsync(agent, cause);
        }
        finally
        {
            agent.Lease?.Dispose();
            _agents.TryRemove(agent.Record.Id, out _);
            await DropBusAsync(agent);
            agent.Ended.TrySetResult();
        }
    }

    private async Task DropBusAsync(SupervisedAgent agent)
    {
        if (agent.Record.Bus is not { } seat)
        {
            return;
        }

        try
        {
            await buses.DropAsync(seat);
        }
        catch (RpcException exception)
        {
            LogBusNotDropped(agent.Record.Id, exception);
        }
    }

    private async Task UndoStartAsync(SupervisedAgent agent, Exception cause)
    {
        await EndForGoodAsync(agent);
        CleanUp(agent, keepLog: false);
        agent.Lease?.Dispose();
        _agents.TryRemove(agent.Record.Id, out _);
        var reason = agent.StopReason ?? (cause is AgentStartException failed ? failed.Message : cause is OperationCanceledException ? "its start was cancelled" : "it could not be started");
        ChangeForGood(
            agent,
            current => current with
            {
                State = agent.StopReason is null ? AgentState.Failed : AgentState.Stopped,
                EndedAt = time.GetUtcNow(),
                Exit = new(null, null, reason, ""),
            },
            save: false);
    }

    private async Task EndForGoodAsync(SupervisedAgent agent)
    {
        try
        {
            await (agent.Handle?.StopAsync(TimeSpan.Zero) ?? Task.CompletedTask);
        }
        catch (Exception leftover) when (leftover is IOException or UnauthorizedAccessException or Win32Exception)
        {
            LogNotEnded(leftover, agent.Record.Id); // must not hide why it is to end
        }
    }

    // The end of an agent is told even where it cannot be kept: the next kernel finds it out anew.
    private void ChangeForGood(SupervisedAgent agent, Func<AgentRecord, AgentRecord> change, bool save)
    {
        try
        {
            Change(agent, change, save);
        }
        catch (Exception exception) when (save && exception is IOException or UnauthorizedAccessException)
        {
            LogNotKept(exception, agent.Record.Id);
            Change(agent, change);
        }
    }

    /// <summary>How a run of an agent ended, and in which words that is told.</summary>
    /// <param name="Final">Starting it anew cannot help.</param>
    private sealed record Ending(AgentEnd End, string Reason, bool Final = false)
    {
        /// <summary>By itself and not well; an end that nobody saw counts as one.</summary>
        public bool Failed => End.Code != 0 && !Final;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The bus of agent {AgentId}, which did not start, is left behind, with nothing on it")]
    private partial void LogBusNotDropped(string agentId, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Agent {AgentId} ({Name}, {AgentType}) did not start: {Cause}")]
    private partial void LogNotStarted(string agentId, string name, string agentType, string cause);

    [LoggerMessage(Level = LogLevel.Information, Message = "Agent {AgentId} ({Name}) has ended: {Reason}")]
    private partial void LogEnded(string agentId, string name, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Agent {AgentId} could not be ended after its start had failed")]
    private partial void LogNotEnded(Exception exception, string agentId);

    [LoggerMessage(Level = LogLevel.Error, Message = "The record of agent {AgentId}, which has ended, could not be written")]
    private partial void LogNotKept(Exception exception, string agentId);

    [LoggerMessage(Level = LogLevel.Error, Message = "Agent {AgentId} could not be ended, and is left to the next kernel")]
    private partial void LogLeftRunning(Exception exception, string agentId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Agent {AgentId} ({Name}): {Reason}; restart {Restart} of {Most} follows in {Wait}")]
    private partial void LogRestarting(string agentId, string name, string reason, int restart, int most, TimeSpan wait);

    [LoggerMessage(Level = LogLevel.Error, Message = "Agent {AgentId} could not be started again")]
    private partial void LogNotRestarted(Exception exception, string agentId);
}
