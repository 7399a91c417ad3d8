using System.Text.Json;
using System.Text.Json.Nodes;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentRuntime.Tests.Bus;

/// <summary>Tool calls run when the bus says so, and not otherwise.</summary>
public sealed class SafetyTests
{
    // Of no harm on this machine, should it run after all.
    private const string Destructive = "rm -rf /var/lib/no-such-data-of-ours";

    [Fact]
    public async Task SafeCommand_IsCommittedRunsAndStandsOnTheLog()
    {
        await using var bus = await BusService.StartAsync();
        await using var agent = await AgentProcess.StartAsync(bus.On(AgentProcess.Scripted()));

        var turn = (await agent.TurnAsync("please\nrun: echo hello")).Succeeded();

        Assert.Equal("hello\n", turn.ToolOutput);
        await bus.FirstAsync(SelectivePollType.AgentOutput);
        var log = await bus.LogAsync();
        Assert.Equal(
            ["Control", "AgentInput", "AgentInput", "InferenceInput", "InferenceOutput", "Intention", "Vote", "Commit", "ActionOutput", "InferenceInput", "InferenceOutput", "AgentOutput"],
            log.Select(entry => $"{entry.Payload.PayloadCase}"));
        var intention = ToolCallIntention.Parse(log[5].Payload.Intention.StringIntention)!;
        Assert.Equal(("bash", "echo hello", agent.Workspace), (intention.Tool, intention.Arguments.GetProperty("command").GetString(), intention.Workspace));
        Assert.Equal("please\nrun: echo hello", Json(log[2].Payload.AgentInput.StringAgentInput)["turn"]!.GetValue<string>());
        Assert.Equal("hello\n", Json(log[8].Payload.ActionOutput.StringActionOutput)["output"]!.GetValue<string>());
        Assert.Equal("enabled", (string?)(await agent.InfoAsync())["agentbus"]!["safety"]);
    }

    [Fact]
    public async Task DestructiveCommand_DoesNotRunAndTheModelIsToldWhy()
    {
        await using var bus = await BusService.StartAsync();
        await using var agent = await AgentProcess.StartAsync(bus.On(AgentProcess.Scripted()));
        var turn = (await agent.TurnAsync($"run: touch ran; {Destructive}")).Succeeded();

        Assert.False(File.Exists(Path.Join(agent.Workspace, "ran")));
        var result = Assert.Single(turn.Of("tool_result"));
        Assert.True((bool)result["is_error"]!);
        var abort = (await bus.FirstAsync(SelectivePollType.Abort)).Payload.Abort;
        Assert.Contains(abort.Reason, (string)result["output"]!, StringComparison.Ordinal);
        var vote = (await bus.FirstAsync(SelectivePollType.Vote)).Payload.Vote;
        Assert.False(vote.AbstractVote.BooleanVote);
        Assert.Contains(vote.Reason, abort.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task BusThatIsLost_NothingRuns()
    {
        await using var bus = await BusService.StartAsync();
        await using var agent = await AgentProcess.StartAsync(bus.On(AgentProcess.Scripted()));
        (await agent.TurnAsync("run: echo before")).Succeeded();
        await bus.DisposeAsync();

        var turn = (await agent.TurnAsync("run: touch ran")).Succeeded();

        Assert.Contains("agent bus", turn.ToolOutput, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Join(agent.Workspace, "ran")));
    }

    [Fact]
    public async Task BusThatWasNeverThere_TurnsAreRefused()
    {
        var config = AgentProcess.Scripted(("agentbus_url", "remote://127.0.0.1:1"), ("agentbus_token", "x"));
        await using var agent = await AgentProcess.StartAsync(config);

        var reply = await agent.PostAsync("/v1/turn", AgentProcess.TurnRequest("run: touch ran"));

        Assert.Equal(503, reply.Status);
        Assert.Contains("agent bus", reply.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Join(agent.Workspace, "ran")));
    }

    [Fact]
    public async Task DisabledSafety_LogsAndRunsAndSaysSo()
    {
        await using var bus = await BusService.StartAsync(disableSafety: true);
        await using var agent = await AgentProcess.StartAsync(bus.On(AgentProcess.Scripted(), disableSafety: true));
        (await agent.TurnAsync($"run: touch ran; {Destructive}")).Succeeded();

        Assert.True(File.Exists(Path.Join(agent.Workspace, "ran")));
        Assert.Equal("disabled", (string?)(await agent.InfoAsync())["agentbus"]!["safety"]);
        Assert.Equal("disabled", (string?)Json((await bus.FirstAsync(SelectivePollType.AgentInput)).Payload.AgentInput.StringAgentInput)["started"]!["safety"]);
        Assert.Equal("done", (string?)Json((await bus.FirstAsync(SelectivePollType.ActionOutput)).Payload.ActionOutput.StringActionOutput)["outcome"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task HumanVoter_DecidesWhatWaits(bool approves)
    {
        await using var bus = await BusService.StartAsync();
        await bus.LetHumanVoteAsync();
        await using var agent = await AgentProcess.StartAsync(bus.On(AgentProcess.Scripted()));
        await using var turn = await agent.StartTurnAsync("run: touch ran");
        var intention = (await bus.FirstAsync(SelectivePollType.Intention)).Header.LogPosition;

        var pending = await bus.PendingAsync();
        Assert.Equal(("people", intention), (pending.VoterId, pending.IntentionId));
        Assert.Equal(30, (pending.Deadline - pending.IntendedAt).ToTimeSpan().TotalMinutes);
        await bus.AppendAsync(new() { Vote = new() { IntentionId = intention, VoterId = pending.VoterId, Reason = "I have looked", AbstractVote = new() { BooleanVote = approves } } });

        (await turn.ReadToEndAsync()).Succeeded();
        Assert.Equal(approves, File.Exists(Path.Join(agent.Workspace, "ran")));
    }

    [Fact]
    public async Task HungUpWhileItWaits_DoesNotRunLater()
    {
        await using var bus = await BusService.StartAsync();
        await bus.LetHumanVoteAsync();
        await using var agent = await AgentProcess.StartAsync(bus.On(AgentProcess.Scripted()));
        var turn = await agent.StartTurnAsync("run: touch ran");
        var intention = (await bus.FirstAsync(SelectivePollType.Intention)).Header.LogPosition;
        await turn.DisposeAsync();
        await bus.FirstAsync(SelectivePollType.AgentOutput);

        await bus.AppendAsync(new() { Vote = new() { IntentionId = intention, AbstractVote = new() { BooleanVote = true } } });
        await bus.FirstAsync(SelectivePollType.Commit);

        (await agent.TurnAsync("still there?")).Succeeded();
        Assert.False(File.Exists(Path.Join(agent.Workspace, "ran")));
        Assert.Equal("not_run", (string?)Json((await bus.FirstAsync(SelectivePollType.ActionOutput)).Payload.ActionOutput.StringActionOutput)["outcome"]);
    }

    [Fact]
    public async Task BusInTheAgentsProcess_OnlyLooksOn()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted(("agentbus_url", "memory://")));

        Assert.Equal("hello\n", (await agent.TurnAsync("run: echo hello")).Succeeded().ToolOutput);
        Assert.Equal("advisory", (string?)(await agent.InfoAsync())["agentbus"]!["safety"]);
    }

    [Theory]
    [InlineData("ftp://bus:1")]
    [InlineData("memory://here")]
    [InlineData("remote://bus:8095/path")]
    public async Task WrongUrl_IsNamed(string url)
    {
        var (exitCode, stderr) = await AgentProcess.RunToExitAsync(AgentProcess.Scripted(("agentbus_url", url)));

        Assert.Equal(64, exitCode);
        Assert.Contains("'agentbus_url'", stderr, StringComparison.Ordinal);
    }

    private static JsonNode Json(string text) => JsonNode.Parse(text) ?? throw new JsonException("null");
}
