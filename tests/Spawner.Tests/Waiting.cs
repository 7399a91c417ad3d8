namespace AgentKernel.Spawner.Tests;

/// <summary>Waits for signals. One that does not come fails the test with what was waited for and what was seen so far.</summary>
internal static class Waiting
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static async Task<T> ForAsync<T>(Task<T> signal, string phase, Func<string> seen)
    {
        try
        {
            return await signal.WaitAsync(Limit, TestContext.Current.CancellationToken);
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"waited {Limit.TotalSeconds} s: {phase}; seen so far:\n{seen()}", exception);
        }
    }

    public static Task ForAsync(Task signal, string phase, Func<string> seen) => ForAsync(ResultAsync(signal), phase, seen);

    private static async Task<bool> ResultAsync(Task signal)
    {
        await signal;
        return true;
    }
}
