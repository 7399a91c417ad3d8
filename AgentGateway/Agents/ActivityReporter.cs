using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;

namespace AgentKernel.AgentGateway.Agents;

/// <summary>
/// Tells the spawner which agents have begun or ended a turn, away from the turns themselves. Only the latest news of
/// an agent is kept, so a spawner that is slow or away costs one entry for each agent and no more; past
/// <see cref="MaxWaiting"/> agents, news of further ones is dropped, which makes a listing stale and nothing else.
/// </summary>
internal sealed partial class ActivityReporter(SpawnerLink spawner, TimeProvider time, ILogger<ActivityReporter> logger) : BackgroundService
{
    private const int MaxWaiting = 10_000;

    // What happens within it is one report: a turn of a millisecond costs no more than a long one.
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _news = new(0, 1);
    private Dictionary<string, bool> _waiting = [];

    /// <summary>Keeps the news for the next report. Never waits.</summary>
    public void Note(string agentId, bool turnRunning)
    {
        lock (_gate)
        {
            if (_waiting.Count >= MaxWaiting && !_waiting.ContainsKey(agentId))
            {
                return;
            }

            var first = _waiting.Count == 0;
            _waiting[agentId] = turnRunning;
            if (first && _news.CurrentCount == 0)
            {
                _news.Release();
            }
        }
    }

    /// <summary>Ends the reports with a last one: that the turns have ended.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        using var hurry = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        hurry.CancelAfter(Farewell);
        try
        {
            await ReportAsync(hurry.Token);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException)
        {
            LogFarewellFailed(e.Message);
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _news.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pause = FirstPause;
        var failing = false;
        while (true)
        {
            try
            {
                await _news.WaitAsync(stoppingToken);
                await Task.Delay(Gathering, time, stoppingToken);
                await ReportAsync(stoppingToken);
                (pause, failing) = (FirstPause, false);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (RpcException e)
            {
                if (!failing)
                {
                    LogFailing(e.Code, e.Message);
                }

                failing = true;
                await Task.Delay(pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }
    }

    private async Task ReportAsync(CancellationToken cancellationToken)
    {
        Dictionary<string, bool> news;
        lock (_gate)
        {
            (news, _waiting) = (_waiting, []);
        }

        if (news.Count == 0)
        {
            return;
        }

        var report = new ReportActivityRequest();
        report.Activities.AddRange(news.Select(one => new AgentActivity { AgentId = one.Key, TurnRunning = one.Value }));
        try
        {
            await spawner.ReportAsync(report, cancellationToken);
        }
        catch
        {
            PutBack(news);
            throw;
        }
    }

    private void PutBack(Dictionary<string, bool> news)
    {
        lock (_gate)
        {
            foreach (var (agentId, turnRunning) in news)
            {
                // What came in the meantime is newer.
                _waiting.TryAdd(agentId, turnRunning);
            }

            if (_news.CurrentCount == 0)
            {
                _news.Release();
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The spawner cannot be told which agents are busy ({Code}, {Reason}); it will be, once it answers.")]
    private partial void LogFailing(RpcStatusCode code, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "The last report of ended turns did not reach the spawner: {Reason}")]
    private partial void LogFarewellFailed(string reason);
}
