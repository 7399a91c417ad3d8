using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace AgentKernel.AgentRuntime.Tests;

/// <summary>Turns that meet: a second one, a hang-up, a signal.</summary>
public sealed class OneTurnAtATimeTests
{
    private const string Endless = $"run: {LifeLine.Hold} setsid sleep 10000 & (setsid bash -c 'sleep 10000 & sleep 10000') & sleep 10000";

    [Fact]
    public async Task Turn_WhileAnotherRuns_Is409AndSoAreChanges()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        using var life = new LifeLine(agent);
        await using var turn = await agent.StartTurnAsync(Endless);
        await life.RunningAsync();

        Assert.Equal(409, (await agent.PostAsync("/v1/turn", AgentProcess.TurnRequest("hi"))).Status);
        Assert.Equal(409, (await agent.PostAsync("/v1/control", new JsonObject { ["operation"] = "clear_history" })).Status);
        Assert.Equal(409, (await agent.PostAsync("/v1/control", new JsonObject { ["operation"] = "set_system_prompt", ["system_prompt"] = "x" })).Status);
        Assert.Equal(200, (await agent.PostAsync("/v1/control", new JsonObject { ["operation"] = "list_tools" })).Status);
        Assert.Equal([("user", Endless), ("assistant", Endless)], await agent.HistoryAsync());
        Assert.Equal(200, (await agent.SendAsync(HttpMethod.Get, "/health")).Status);
    }

    [Fact]
    public async Task Turn_CallerHangsUp_KillsTheToolsAndTheNextTurnWaitsForThat()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        using var life = new LifeLine(agent);
        await using (var turn = await agent.StartTurnAsync(Endless))
            await life.RunningAsync();
        Assert.Equal("next", (await agent.TurnAsync("next")).Succeeded().Text);
        await life.DeadAsync();

        var history = await agent.HistoryAsync();
        Assert.Equal(["user", "assistant", "tool", "assistant", "user", "assistant"], history.Select(entry => entry.Role));
        Assert.Contains("Cancelled", history[2].Content, StringComparison.Ordinal);
        Assert.Contains("cancelled", history[3].Content, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(PosixSignal.SIGTERM)]
    [InlineData(PosixSignal.SIGINT)]
    public async Task Signal_DuringATurn_EndsItWithAnErrorAndExitsWithZero(PosixSignal signal)
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        using var life = new LifeLine(agent);
        await using var turn = await agent.StartTurnAsync(Endless);
        await life.RunningAsync();
        agent.Signal(signal);
        Assert.Equal("the agent is stopping", (await turn.ReadToEndAsync()).Whole().Error);
        Assert.Equal(0, await agent.WaitForExitAsync());
        await life.DeadAsync();
        Assert.False(File.Exists(agent.SocketPath));
    }

    [Fact]
    public async Task Signal_WithoutATurn_EndsBackgroundProcessesToo()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        using var life = new LifeLine(agent);
        await using var turn = await agent.StartTurnAsync($"run: {LifeLine.Hold} (setsid sleep 10000 >out.log 2>&1 &)");
        await life.RunningAsync();
        (await turn.ReadToEndAsync()).Succeeded();
        agent.Signal(PosixSignal.SIGTERM);
        Assert.Equal(0, await agent.WaitForExitAsync());
        await life.DeadAsync();
    }
}
