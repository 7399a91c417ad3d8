namespace AgentKernel.Packaging.Tests;

/// <summary>How long tests wait for what should come at once. Reaching it is a failure.</summary>
internal static class Patience
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    /// <summary>A token for one step: fires when the test ends, or when the step takes beyond all measure.</summary>
    public static CancellationToken Token
    {
        get
        {
            // Not disposed: nobody outlives the step to do it, and the timer goes with the limit.
            var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            patience.CancelAfter(Limit);
            return patience.Token;
        }
    }
}
