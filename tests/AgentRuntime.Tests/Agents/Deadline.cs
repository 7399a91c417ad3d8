namespace AgentKernel.AgentRuntime.Tests.Agents;

/// <summary>A bound on waits for signals that never come: the test then fails and says what it waited for.</summary>
internal static class Deadline
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <param name="wait">The wait.</param>
    /// <param name="what">What is waited for, for the message.</param>
    /// <param name="giveUp">Ends when there is nothing left to wait for.</param>
    public static async Task<T> For<T>(Func<CancellationToken, Task<T>> wait, Func<string> what, Func<CancellationToken, Task>? giveUp = null)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_limit);
        var waiting = wait(limit.Token);
        if (giveUp is not null && await Task.WhenAny(waiting, giveUp(limit.Token)) != waiting)
        {
            await limit.CancelAsync();
            throw new InvalidOperationException($"the agent ended while waiting for {what()}");
        }
        try
        {
            return await waiting.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException e) when (limit.IsCancellationRequested)
        {
            throw new TimeoutException($"waited in vain for {what()}", e);
        }
    }

    public static Task For(Func<CancellationToken, Task> wait, Func<string> what) => For(async stop =>
    {
        await wait(stop);
        return true;
    }, what);
}
