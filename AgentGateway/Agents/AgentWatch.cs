using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;

namespace AgentKernel.AgentGateway.Agents;

/// <summary>
/// Keeps one watch on the spawner open for as long as the gateway runs. When it breaks, the directory is told at once;
/// it is opened again with growing pauses, and each outage is logged once.
/// </summary>
internal sealed partial class AgentWatch(
    SpawnerLink spawner, AgentDirectory agents, ActivityReporter activity, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<AgentWatch> logger)
    : BackgroundService
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Ends with ApplicationStopping and not later: where the spawner is in this process, its server waits for this call to end.
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime.ApplicationStopping);
        try
        {
            await StartedAsync(stopping.Token);
            await WatchAsync(stopping.Token);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            agents.WatchLost();
        }
    }

    // The spawner may be in this process, and its port is open only when the application has started.
    private async Task StartedAsync(CancellationToken stopping)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stopping);
    }

    private async Task WatchAsync(CancellationToken stopping)
    {
        var pause = FirstPause;
        var outageLogged = false;
        while (true)
        {
            var reason = "it ended the watch";
            var up = false;
            try
            {
                await foreach (var message in spawner.WatchAsync(stopping))
                {
                    if (message.EventCase == WatchAgentsResponse.EventOneofCase.Snapshot)
                    {
                        Begin(message);
                        (up, outageLogged, pause) = (true, false, FirstPause);
                    }
                    else if (up && message.EventCase == WatchAgentsResponse.EventOneofCase.Changed)
                    {
                        agents.Changed(message.Changed);
                    }
                }
            }
            catch (RpcException e)
            {
                reason = $"{e.Code}, {e.Message}";
            }

            agents.WatchLost();
            if (!outageLogged)
            {
                LogLost(reason);
                outageLogged = true;
            }

            await Task.Delay(pause, time, stopping);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    private void Begin(WatchAgentsResponse message)
    {
        agents.WatchBegan(message.Snapshot, message.Revision);
        // A spawner that has just started does not know of the turns that run.
        foreach (var agentId in agents.WithRunningTurn())
        {
            activity.Note(agentId, turnRunning: true);
        }

        LogWatching(message.Revision);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The watch on the spawner is lost ({Reason}); until it is back, every call looks its agent up anew.")]
    private partial void LogLost(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Watching the spawner's agents from revision {Revision} on.")]
    private partial void LogWatching(long revision);
}
