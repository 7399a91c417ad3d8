using AgentKernel.Rpc;

namespace AgentKernel.Spawner.Tests.Kernel;

internal static class Refusal
{
    /// <summary>Checks that a call is refused with a status and a message that says so.</summary>
    public static async Task IsAsync(RpcStatusCode code, string said, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(call);
        Assert.True(refusal.Code == code, $"{refusal.Code} instead of {code}: {refusal.Message}");
        Assert.Contains(said, refusal.Message, StringComparison.Ordinal);
    }
}
