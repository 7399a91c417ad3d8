namespace AgentKernel.AgentRuntime.Tests.Vendors;

public sealed class OpenAITests : VendorTests
{
    internal override IVendorWire Wire { get; } = new OpenAIWire();

    [Theory]
    [InlineData("none", null)]
    [InlineData("low", "low")]
    [InlineData("medium", "medium")]
    [InlineData("high", "high")]
    public async Task Turn_ThinkingLevel_IsTheReasoningEffort(string level, string? effort)
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model, ("thinking_level", level));
        model.Answer(Wire.Text("ok"));
        (await agent.TurnAsync("hi")).Succeeded();
        Assert.Equal(effort, (string?)model.Requests[0].Body["reasoning_effort"]);
    }

    [Fact]
    public async Task Turn_Defaults_AreTheDocumentedOnes()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await AgentProcess.StartAsync(
            AgentProcess.Config(("provider", "openai"), ("base_url", model.Url)), ("LLM_API_KEY", "general"), ("OPENAI_API_KEY", "special"));
        model.Answer(Wire.Text("ok"));
        (await agent.TurnAsync("hi")).Succeeded();
        Assert.Equal("gpt-4.1", (string)model.Requests[0].Body["model"]!);
        Assert.Equal("Bearer special", model.Requests[0].Headers["Authorization"]);
        Assert.True((bool)model.Requests[0].Body["stream_options"]!["include_usage"]!);
    }

    [Fact]
    public async Task Turn_Refusal_IsAnErrorAfterItsText()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.Answer([OpenAIWire.Chunk("""{"role":"assistant","content":null,"refusal":""}"""), OpenAIWire.Chunk("""{"refusal":"I will not."}"""), OpenAIWire.Chunk("{}", "\"stop\""), "data: [DONE]\n\n"]);
        var turn = (await agent.TurnAsync("hi")).Whole();
        Assert.Equal(("I will not.", "the model refused to answer"), (turn.Text, turn.Error));
    }

    [Fact]
    public async Task Turn_ContentFilter_IsAnError()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.Answer([OpenAIWire.TextDelta("I"), OpenAIWire.Chunk("{}", "\"content_filter\""), "data: [DONE]\n\n"]);
        Assert.Equal("the model refused to answer", (await agent.TurnAsync("hi")).Whole().Error);
    }

    [Fact]
    public async Task Turn_CallWithoutArguments_HasAnEmptyInput()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.Answer(Wire.Calls(("c1", "bash", "")));
        model.Answer(Wire.Text("ok"));
        Assert.Equal("'command' is missing or not a string.", (await agent.TurnAsync("hi")).Succeeded().ToolOutput);
    }
}
