namespace AgentKernel.AgentGateway.Tests.Peers;

/// <summary>Waits for signals; the time limit only turns a hang into a failure that says what did not come.</summary>
internal static class Wait
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static async Task ForAsync(Task task, string what, Func<string>? details = null)
    {
        try
        {
            await task.WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"waited in vain for {what}\n{details?.Invoke()}");
        }
    }

    public static async Task<T> ForAsync<T>(Task<T> task, string what, Func<string>? details = null)
    {
        await ForAsync((Task)task, what, details);
        return await task;
    }
}
