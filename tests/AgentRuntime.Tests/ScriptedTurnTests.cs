using System.Text.Json.Nodes;

namespace AgentKernel.AgentRuntime.Tests;

public sealed class ScriptedTurnTests
{
    [Fact]
    public async Task Turn_PlainText_ComesBackWordByWord()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        var turn = (await agent.TurnAsync("  to be,  or not\nto be ")).Succeeded();
        Assert.Equal("  to be,  or not\nto be ", turn.Text);
        Assert.Equal(["  to ", "be,  ", "or ", "not\n", "to ", "be "], turn.Events.Select(e => (string)e["body"]!).Where(body => body.Length > 0));
    }

    [Fact]
    public async Task Turn_RunLines_CallBashAndReportWhatItPrinted()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        var turn = (await agent.TurnAsync("please\nrun: echo one\nrun: echo two >&2; exit 3")).Succeeded();
        Assert.Equal(["echo one", "echo two >&2; exit 3"], turn.Of("tool_call").Select(call => (string)call["input"]!["command"]!));
        Assert.Equal([("one\n", false), ("two\n[exit code 3]", true)], turn.Of("tool_result").Select(result => ((string)result["output"]!, (bool)result["is_error"]!)));
        Assert.Equal(turn.Of("tool_call").Select(call => (string)call["id"]!), turn.Of("tool_result").Select(result => (string)result["id"]!));
        Assert.EndsWith("`echo one` printed:\none\n\n`echo two >&2; exit 3` printed:\ntwo\n[exit code 3]", turn.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Turn_Streams_FirstEventIsReadBeforeTheCommandEnds()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        using var gate = new LifeLine(agent);
        await using var turn = await agent.StartTurnAsync("run: cat lifeline");
        await turn.NextAsync("tool_call");
        // The command ends only now, after what came before it was read.
        await gate.WriteAsync("let go");
        Assert.Equal("let go", (string)(await turn.NextAsync("tool_result"))["output"]!);
        (await turn.ReadToEndAsync()).Succeeded();
    }

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":"old"},{"role":"assistant","content":"yes"},{"role":"user","content":"new"}]}""", "new")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}],"system":"s"}""", "a\nb")]
    [InlineData("""{"messages":[{"role":"user","content":"one"},{"role":"user","content":"two"}]}""", "one\ntwo")]
    [InlineData("{ not json, so it is text", "{ not json, so it is text")]
    [InlineData("[1]", "[1]")]
    public async Task Turn_Document_TakesWhatFollowsTheLastAnswer(string body, string expected)
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        Assert.Equal(expected, (await agent.TurnAsync(body)).Succeeded().Text);
    }

    [Fact]
    public async Task Turn_LargeBody_ComesBackWhole()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        var body = new string('x', 16 * 1024 * 1024);
        Assert.Equal(body, (await agent.TurnAsync(body)).Succeeded().Text);
    }

    [Fact]
    public async Task History_AfterTurns_TellsThemAndCanBeCleared()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        await agent.TurnAsync("first");
        await agent.TurnAsync("run: echo hi");
        Assert.Equal([("user", "first"), ("assistant", "first"), ("user", "run: echo hi"), ("assistant", "run: echo hi"), ("tool", "hi\n"), ("assistant", "\n\n`echo hi` printed:\nhi\n")], await agent.HistoryAsync());

        var last = await agent.PostAsync("/v1/history", new JsonObject { ["last_n"] = 2 });
        Assert.Equal(["tool", "assistant"], last.Body!["entries"]!.AsArray().Select(entry => (string)entry!["role"]!));
        Assert.All(last.Body["entries"]!.AsArray(), entry => Assert.InRange(entry!["time"]!.GetValue<DateTimeOffset>(), DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow));

        Assert.Equal(200, (await agent.PostAsync("/v1/control", new JsonObject { ["operation"] = "clear_history" })).Status);
        Assert.Empty(await agent.HistoryAsync());
    }

    [Fact]
    public async Task Info_AfterTurns_CountsThem()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted(("tools", new JsonArray("read", "bash"))));
        await agent.TurnAsync("three short words");
        await agent.TurnAsync("two words");
        var info = await agent.InfoAsync();
        Assert.Equal(agent.Id, (int)info["pid"]!);
        Assert.Equal(agent.Workspace, (string)info["cwd"]!);
        Assert.Equal(AgentProcess.AgentId, (string)info["agent_id"]!);
        Assert.Equal("tester", (string)info["name"]!);
        Assert.Equal("openclaw", (string)info["agent_type"]!);
        Assert.Equal("scripted", (string)info["provider"]!);
        Assert.Equal(["read", "bash"], info["tools"]!.AsArray().Select(tool => (string)tool!));
        Assert.Equal(2, (int)info["turns"]!);
        Assert.Equal(5, (int)info["usage"]!["output_tokens"]!);
        Assert.DoesNotContain(AgentProcess.Token, info.ToJsonString(), StringComparison.Ordinal);
    }
}
