using System.Text.Json.Nodes;
using AgentKernel.AgentRuntime.Tests.Vendors;
using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentRuntime.Tests.Bus;

/// <summary>An agent that was killed goes on from its log.</summary>
public sealed class RecoveryTests
{
    [Fact]
    public async Task KilledBetweenCommitAndOutput_OutcomeIsUnknownAndNothingRunsTwice()
    {
        await using var bus = await BusService.StartAsync();
        var first = await AgentProcess.StartAsync(bus.On(AgentProcess.Scripted()));
        (await first.TurnAsync("the first\nrun: echo one")).Succeeded();
        var before = await first.HistoryAsync();
        var hold = Path.Join(first.Workspace, "hold");
        await File.WriteAllTextAsync(hold, "", TestContext.Current.CancellationToken);
        using var life = new LifeLine(first);
        var hanging = await first.StartTurnAsync($"the second\nrun: {LifeLine.Hold}echo once >> ran; while [ -e hold ]; do sleep 0.05; done; echo twice >> never");
        await life.RunningAsync();

        await using var second = await first.KillAndRestartAsync(bus.On(AgentProcess.Scripted()), async () =>
        {
            await hanging.DisposeAsync();
            File.Delete(hold); // what a supervisor does to the whole group
            await life.DeadAsync();
        });

        var history = await second.HistoryAsync();
        Assert.Equal(before, history.Take(before.Count));
        Assert.Contains(history.Skip(before.Count), entry => entry.Role == "tool" && entry.Content.StartsWith("Outcome unknown", StringComparison.Ordinal));
        Assert.Equal("unknown", (string?)JsonNode.Parse((await bus.FirstAsync(
            SelectivePollType.ActionOutput, payload => payload.ActionOutput.StringActionOutput.Contains("unknown", StringComparison.Ordinal))).Payload.ActionOutput.StringActionOutput)!["outcome"]);
        Assert.Equal("three\n", (await second.TurnAsync("the third\nrun: echo three")).Succeeded().ToolOutput);
        Assert.Equal("once\n", await File.ReadAllTextAsync(Path.Join(second.Workspace, "ran"), TestContext.Current.CancellationToken));
        Assert.Equal(3, (await bus.LogAsync()).Count(entry => entry.Payload.PayloadCase is Payload.PayloadOneofCase.Intention));
    }

    [Fact]
    public async Task RestartedTwice_HistoryIsTheSame()
    {
        await using var bus = await BusService.StartAsync();
        var first = await AgentProcess.StartAsync(bus.On(AgentProcess.Scripted()));
        (await first.TurnAsync("one\nrun: echo 1")).Succeeded();
        (await first.TurnAsync("two")).Succeeded();
        var before = await first.HistoryAsync();
        // Entries are appended in the background: the last one says that all are there.
        await bus.FirstAsync(SelectivePollType.AgentOutput, payload => payload.AgentOutput.StringAgentOutput.Contains("\"two\"", StringComparison.Ordinal));

        var second = await first.KillAndRestartAsync(bus.On(AgentProcess.Scripted()));
        Assert.Equal(before, await second.HistoryAsync());
        await using var third = await second.KillAndRestartAsync(bus.On(AgentProcess.Scripted()));
        Assert.Equal(before, await third.HistoryAsync());
    }

    [Fact]
    public async Task Anthropic_TheModelSeesTheConversationAsItWas() => await ConversationComesBackAsync(new AnthropicWire());

    [Fact]
    public async Task OpenAI_TheModelSeesTheConversationAsItWas() => await ConversationComesBackAsync(new OpenAIWire());

    private static async Task ConversationComesBackAsync(IVendorWire wire)
    {
        await using var bus = await BusService.StartAsync();
        await using var model = await FakeModel.StartAsync();
        JsonObject Config() => bus.On(AgentProcess.Config(
            ("provider", wire.Provider), ("api_key", "key-for-tests"), ("base_url", model.Url), ("transport_format", wire.Provider), ("system_prompt", "the first prompt")));
        model.Answer(wire.Calls(("call_a", "bash", """{"command":"echo 1"}""")));
        model.Answer(wire.Text("It", " printed 1."));
        var first = await AgentProcess.StartAsync(Config());
        await first.PostAsync("/v1/control", new JsonObject { ["operation"] = "set_system_prompt", ["system_prompt"] = "the second prompt" });
        (await first.TurnAsync("run it")).Succeeded();
        await bus.FirstAsync(SelectivePollType.AgentOutput);

        await using var second = await first.KillAndRestartAsync(Config());
        model.Answer(wire.Text("Yes."));
        (await second.TurnAsync("are you there?")).Succeeded();

        Assert.Equal([.. wire.Conversation(model.Requests[1].Body), "assistant: It printed 1.", "user: are you there?"], wire.Conversation(model.Requests[2].Body));
        Assert.Equal("the second prompt", wire.SystemPrompt(model.Requests[2].Body));
    }
}
