using System.Diagnostics;
using System.Text;
using System.Text.Json;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>What every backend promises (see <see cref="IAgentBackend"/>). A backend's tests inherit it, the fake's too.</summary>
public abstract partial class AgentBackendContract
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    /// <summary>The backend as one kernel has it; a second one is that of a kernel started later.</summary>
    private protected abstract IAgentBackend NewKernel();

    private protected abstract AgentSpec Spec(Behaviour behaviour, TimeSpan? startTimeout = null);

    /// <summary>Lets an agent go on that waits for it.</summary>
    private protected abstract void Release(AgentSpec spec);

    /// <summary>Completes when the agent's program has begun to run.</summary>
    private protected abstract Task RunsAsync(AgentSpec spec);

    /// <summary>What is left of an agent but its folder.</summary>
    private protected abstract IReadOnlyList<string> Leftovers(AgentSpec spec);

    private protected Task<T> SignalAsync<T>(Task<T> signal, AgentSpec spec, string phase) => Waiting.ForAsync(
        signal, $"{phase} of {spec.AgentId}", () => string.Join('\n', Leftovers(spec).Append(Encoding.UTF8.GetString(new AgentLog(spec.Folder).Tail(2000)))));

    private protected async Task SignalAsync(Task signal, AgentSpec spec, string phase) => await SignalAsync(signal.ContinueWith(_ => true, TaskScheduler.Default), spec, phase);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Probe_OnThisMachine_IsUsable()
    {
        var probe = await NewKernel().ProbeAsync(Cancellation);
        Assert.True(probe.Usable, probe.Detail);
    }

    [Fact]
    public async Task Start_OfOneThatGetsReady_ReturnsWhileItRuns()
    {
        var spec = Spec(Behaviour.Idle);
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        Assert.False(agent.Completion.IsCompleted);
        Assert.True(agent.Endpoint.UnixSocket is null != agent.Endpoint.Http is null);
        Assert.NotEmpty(agent.Status);
        await agent.StopAsync(Grace);
    }

    [Fact]
    public async Task Completion_OfOneThatExits_HasItsCodeAndTail()
    {
        var spec = Spec(Behaviour.Exits);
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        Release(spec);
        var end = await SignalAsync(agent.Completion, spec, "the end");
        Assert.Equal((3, null, null), (end.Code, end.Signal, end.Leftover));
        Assert.EndsWith("bye", end.OutputTail, StringComparison.Ordinal);
        Assert.Empty(Leftovers(spec));
    }

    [Fact]
    public async Task Completion_OfOneThatIsKilled_HasTheSignal()
    {
        var spec = Spec(Behaviour.IsKilled);
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        Release(spec);
        var end = await SignalAsync(agent.Completion, spec, "the end");
        Assert.Equal((null, 9), (end.Code, end.Signal));
        Assert.Empty(Leftovers(spec));
    }

    [Fact]
    public async Task Completion_OfOneThatPrintsASecret_StrikesItOut()
    {
        var spec = Spec(Behaviour.PrintsSecret);
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        Release(spec);
        var end = await SignalAsync(agent.Completion, spec, "the end");
        Assert.Contains("secret: [redacted]", end.OutputTail, StringComparison.Ordinal);
        Assert.DoesNotContain(spec.Secrets.First(), end.OutputTail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_OfOneThatExits_ThrowsWithCodeAndOutput()
    {
        var spec = Spec(Behaviour.ExitsAtStart);
        var failure = await Assert.ThrowsAsync<AgentStartException>(() => NewKernel().StartAsync(spec, Cancellation));
        Assert.Contains("exited with code 7", failure.Message, StringComparison.Ordinal);
        Assert.Contains("no model", failure.Message, StringComparison.Ordinal);
        Assert.Empty(Leftovers(spec));
    }

    [Fact]
    public async Task Start_OfOneThatNeverGetsReady_ThrowsAndLeavesNothing()
    {
        var spec = Spec(Behaviour.NeverReady, TimeSpan.FromMilliseconds(500));
        var failure = await Assert.ThrowsAsync<AgentStartException>(() => NewKernel().StartAsync(spec, Cancellation));
        Assert.Contains("not ready within 0.5 s", failure.Message, StringComparison.Ordinal);
        Assert.Empty(Leftovers(spec));
    }

    [Fact]
    public async Task Start_CancelledWhileItRuns_LeavesNothing()
    {
        var spec = Spec(Behaviour.NeverReady);
        using var cancel = new CancellationTokenSource();
        var start = NewKernel().StartAsync(spec, cancel.Token);
        await SignalAsync(RunsAsync(spec), spec, "the program");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SignalAsync(start, spec, "the cancelled start"));
        Assert.Empty(Leftovers(spec));
    }

    [Fact]
    public async Task Start_CancelledBefore_LeavesNothing()
    {
        var spec = Spec(Behaviour.NeverReady);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => NewKernel().StartAsync(spec, new CancellationToken(canceled: true)));
        Assert.Empty(Leftovers(spec));
    }

    [Fact]
    public async Task Stop_TwiceAndAtOnce_EndsItOnce()
    {
        var spec = Spec(Behaviour.Idle);
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => agent.StopAsync(Grace)));
        await agent.StopAsync(Grace);
        Assert.True(agent.Completion.IsCompletedSuccessfully);
        Assert.Equal(15, (await agent.Completion).Signal);
        Assert.Empty(Leftovers(spec));
    }

    [Fact]
    public async Task Stop_OfOneThatHasEnded_LeavesItsEndAsItWas()
    {
        var spec = Spec(Behaviour.Exits);
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        Release(spec);
        await SignalAsync(agent.Completion, spec, "the end");
        await agent.StopAsync(Grace);
        Assert.Equal(3, (await agent.Completion).Code);
    }

    [Fact]
    public async Task Stop_OfOneThatIgnoresTerm_KillsItAfterTheGrace()
    {
        var spec = Spec(Behaviour.IgnoresTerm);
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        var grace = TimeSpan.FromMilliseconds(300);
        var watch = Stopwatch.StartNew();
        await agent.StopAsync(grace);
        Assert.True(watch.Elapsed >= grace - TimeSpan.FromMilliseconds(20), $"it was killed after {watch.Elapsed}"); // timers tick coarsely
        Assert.Equal(9, (await agent.Completion).Signal);
        Assert.Empty(Leftovers(spec));
    }

    [Fact]
    public async Task Stop_OfOneWithChildren_EndsThemToo()
    {
        var spec = Spec(Behaviour.LeavesChildren);
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        await agent.StopAsync(Grace);
        Assert.Empty(Leftovers(spec));
    }

    [Fact]
    public async Task Completion_OfOneThatLeavesChildren_EndsThemToo()
    {
        var spec = Spec(Behaviour.LeavesChildren);
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        Assert.NotEmpty(Leftovers(spec));
        Release(spec);
        Assert.Equal(0, (await SignalAsync(agent.Completion, spec, "the end")).Code);
        Assert.Empty(Leftovers(spec));
    }

    [Fact]
    public async Task Log_OfAFloodThatNobodyReads_IsBoundedAndHasTheNewest()
    {
        var spec = Spec(Behaviour.Floods);
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        Release(spec);
        var end = await SignalAsync(agent.Completion, spec, "the end of the flood");
        Assert.Equal(0, end.Code);
        Assert.EndsWith("the newest line", end.OutputTail, StringComparison.Ordinal);
        var log = await ReadAsync(agent, tailBytes: 0);
        Assert.InRange(log.Length, AgentLog.MaxFileBytes, 2 * AgentLog.MaxFileBytes);
        Assert.EndsWith("the newest line\n", log, StringComparison.Ordinal);
        Assert.Equal("newest line\n", await ReadAsync(agent, tailBytes: 12));
    }

    [Fact]
    public async Task Log_Followed_ShowsEachPieceBeforeTheNextIsPrinted()
    {
        var spec = Spec(Behaviour.Idle);
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        await using var pieces = agent.ReadLogAsync(0, follow: true, Cancellation).GetAsyncEnumerator(Cancellation);
        var seen = "";
        await UntilAsync("up\n");
        Release(spec);
        await UntilAsync("up\nreleased\n");
        Release(spec);
        await UntilAsync("up\nreleased\nreleased\n");
        await agent.StopAsync(Grace);
        Assert.False(await SignalAsync(pieces.MoveNextAsync().AsTask(), spec, "the end of the log"));

        async Task UntilAsync(string wanted)
        {
            while (seen != wanted)
            {
                Assert.StartsWith(seen, wanted, StringComparison.Ordinal);
                Assert.True(await SignalAsync(pieces.MoveNextAsync().AsTask(), spec, $"'{wanted}' in the log after '{seen}'"));
                seen += Encoding.UTF8.GetString(pieces.Current.Span);
            }
        }
    }

    [Fact]
    public async Task Log_OfAFloodReadSlowly_HoldsUpNobodyAndEndsWithTheNewest()
    {
        var spec = Spec(Behaviour.Floods);
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        await using var pieces = agent.ReadLogAsync(0, follow: true, Cancellation).GetAsyncEnumerator(Cancellation);
        var first = pieces.MoveNextAsync();
        Release(spec);
        Assert.True(await SignalAsync(first.AsTask(), spec, "the beginning of the flood"));
        Assert.Equal(0, (await SignalAsync(agent.Completion, spec, "the end, with a reader that reads no further")).Code);
        var last = "";
        do
        {
            last = (last + Encoding.UTF8.GetString(pieces.Current.Span)) is var text && text.Length > 100 ? text[^100..] : text;
        }
        while (await SignalAsync(pieces.MoveNextAsync().AsTask(), spec, "the rest of the flood"));
        Assert.EndsWith("the newest line\n", last, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Environment_OfAnAgent_HasWhatItWasGivenAndNothingOfTheKernels()
    {
        System.Environment.SetEnvironmentVariable("CONTRACT_TEST_HOST", "host-only");
        var spec = Spec(Behaviour.PrintsEnvironment);
        spec = spec with { Environment = new Dictionary<string, string>(spec.Environment) { ["GIVEN"] = "to it" } };
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        Release(spec);
        await SignalAsync(agent.Completion, spec, "the end");
        var log = await ReadAsync(agent, tailBytes: 0);
        Assert.Contains("GIVEN=to it\n", log, StringComparison.Ordinal);
        Assert.DoesNotContain("host-only", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SavedState_HoldsNoSecret()
    {
        var spec = Spec(Behaviour.Idle);
        var agent = await NewKernel().StartAsync(spec, Cancellation);
        Assert.DoesNotContain(spec.Secrets.First(), agent.SavedState.GetRawText(), StringComparison.Ordinal);
        await agent.StopAsync(Grace);
    }

    private static async Task<string> ReadAsync(IAgentHandle agent, long tailBytes)
    {
        using var all = new MemoryStream();
        await foreach (var piece in agent.ReadLogAsync(tailBytes, follow: false, Cancellation))
        {
            all.Write(piece.Span);
        }

        return Encoding.UTF8.GetString(all.ToArray());
    }
}
