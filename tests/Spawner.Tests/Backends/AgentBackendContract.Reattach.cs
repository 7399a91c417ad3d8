using System.Text.Json;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>What a later kernel can do with the agents of an earlier one.</summary>
public abstract partial class AgentBackendContract
{
    /// <summary>Gives the ids of an ended agent's processes to a stranger, as the system may; returns what is saved of the agent then.</summary>
    private protected abstract Task<JsonElement> GiveIdsAsync(JsonElement saved, AgentSpec spec, int stranger);

    [Fact]
    public async Task Reattach_ToALivingOne_HoldsItAgain()
    {
        var spec = Spec(Behaviour.Exits);
        var first = await NewKernel().StartAsync(spec, Cancellation);
        var saved = first.SavedState.Clone();
        await first.DisposeAsync();
        var again = await NewKernel().ReattachAsync(spec, saved, Cancellation);
        Assert.NotNull(again);
        Assert.False(again.Completion.IsCompleted);
        Assert.Equal((first.Endpoint, first.Status["pid"]), (again.Endpoint, again.Status["pid"]));
        Release(spec);
        var end = await SignalAsync(again.Completion, spec, "the end");
        Assert.Equal(3, end.Code);
        Assert.EndsWith("bye", end.OutputTail, StringComparison.Ordinal); // what it printed meanwhile went on landing
    }

    [Fact]
    public async Task Reattach_ToALivingOne_CanStopIt()
    {
        var spec = Spec(Behaviour.LeavesChildren);
        var saved = (await NewKernel().StartAsync(spec, Cancellation)).SavedState.Clone();
        var again = await NewKernel().ReattachAsync(spec, saved, Cancellation);
        await again!.StopAsync(Grace);
        Assert.Empty(Leftovers(spec));
    }

    [Fact]
    public async Task Reattach_ToOneThatHasEnded_TellsHow()
    {
        var spec = Spec(Behaviour.Exits);
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        var saved = agent.SavedState.Clone();
        Release(spec);
        await SignalAsync(agent.Completion, spec, "the end");
        var again = await NewKernel().ReattachAsync(spec, saved, Cancellation);
        Assert.Equal(3, (await SignalAsync(again!.Completion, spec, "the end, told again")).Code);
    }

    [Fact]
    public async Task Reattach_AfterItsIdsWentToAStranger_LeavesTheStrangerAlone()
    {
        var spec = Spec(Behaviour.Exits);
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        var saved = agent.SavedState.Clone();
        Release(spec);
        await SignalAsync(agent.Completion, spec, "the end");

        using var watcher = new ProcessExitWatcher();
        var stranger = ProcessLauncher.Start(new("/bin/sleep", ["1000"], new Dictionary<string, string>(), "/"));
        var strangerEnds = watcher.WatchAsync(stranger);
        var again = await NewKernel().ReattachAsync(spec, await GiveIdsAsync(saved, spec, stranger), Cancellation);
        await again!.StopAsync(TimeSpan.Zero);
        Assert.Equal(3, (await SignalAsync(again.Completion, spec, "the end, told again")).Code);
        Assert.True(ProcessIdentity.Of(stranger) is not null, "the stranger was killed");
        _ = NativeMethods.Kill(stranger, NativeMethods.SigKill);
        await Waiting.ForAsync(strangerEnds, "the stranger's end", () => "");
    }

    [Fact]
    public async Task Reattach_ToWhatIsNoState_IsNull()
    {
        var spec = Spec(Behaviour.Idle);
        Assert.Null(await NewKernel().ReattachAsync(spec, JsonSerializer.SerializeToElement("nonsense"), Cancellation));
    }

    [Fact]
    public async Task CleanUp_AfterAStartCutShort_LeavesNothing()
    {
        var spec = Spec(Behaviour.NeverReady);
        var start = NewKernel().StartAsync(spec, Cancellation);
        await SignalAsync(RunsAsync(spec), spec, "the program");
        var next = NewKernel();
        await next.CleanUpAsync(spec.AgentId, Cancellation);
        await next.CleanUpAsync(spec.AgentId, Cancellation);
        await Assert.ThrowsAsync<AgentStartException>(() => SignalAsync(start, spec, "the start"));
        Assert.Empty(Leftovers(spec));
    }
}
