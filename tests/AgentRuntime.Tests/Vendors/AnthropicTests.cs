using System.Text.Json.Nodes;

namespace AgentKernel.AgentRuntime.Tests.Vendors;

public sealed class AnthropicTests : VendorTests
{
    internal override IVendorWire Wire { get; } = new AnthropicWire();

    [Fact]
    public async Task Turn_Thinking_IsToldAndGoesBackSigned()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model, ("thinking_level", "low"));
        model.Answer(AnthropicWire.Message("tool_use", [.. AnthropicWire.ThinkingBlock(0, "sig==", "hm", "m"), .. AnthropicWire.RedactedBlock(1, "opaque"), .. AnthropicWire.CallBlock(2, "c1", "bash", """{"command":"echo one"}""")]));
        model.Answer(Wire.Text("done"));
        var turn = (await agent.TurnAsync("go")).Succeeded();
        Assert.Equal(["hm", "m"], turn.Of("thinking").Select(thinking => (string)thinking["text"]!));
        Assert.Equal(["user: go", "thinking sig==: hmm", "redacted opaque", """call c1 bash {"command":"echo one"}""", "result c1: one\n"], Wire.Conversation(model.Requests[1].Body));
    }

    [Theory]
    [InlineData("none", null)]
    [InlineData("low", 2_048)]
    [InlineData("medium", 8_192)]
    [InlineData("high", 16_000)]
    public async Task Turn_ThinkingLevel_IsABudgetWithinTheOutputLimit(string level, int? budget)
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model, ("thinking_level", level));
        model.Answer(Wire.Text("ok"));
        (await agent.TurnAsync("hi")).Succeeded();
        var request = model.Requests[0].Body;
        Assert.Equal(budget, (int?)request["thinking"]?["budget_tokens"]);
        Assert.True((int)request["max_tokens"]! > (budget ?? 0));
    }

    [Fact]
    public async Task Turn_Defaults_AreTheDocumentedOnes()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await AgentProcess.StartAsync(
            AgentProcess.Config(("base_url", model.Url)), ("LLM_API_KEY", "host-key"), ("ANTHROPIC_AUTH_TOKEN", "not-this"), ("ANTHROPIC_BASE_URL", "http://127.0.0.1:1"));
        model.Answer(Wire.Text("ok"));
        (await agent.TurnAsync("hi")).Succeeded();
        var request = model.Requests[0];
        Assert.Equal("claude-sonnet-4-5", (string)request.Body["model"]!);
        Assert.Equal("host-key", request.Headers["x-api-key"]);
        Assert.False(request.Headers.ContainsKey("Authorization"));
        Assert.NotEmpty(request.Headers["anthropic-version"]);
    }

    [Fact]
    public async Task Turn_CacheMarks_StandAtTheEndsOfPromptAndHistory()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.Answer(Wire.Calls(("c1", "bash", """{"command":"true"}"""), ("c2", "bash", """{"command":"true"}""")));
        model.Answer(Wire.Text("ok"));
        (await agent.TurnAsync("hi")).Succeeded();
        var request = model.Requests[1].Body;
        Assert.NotNull(request["system"]![0]!["cache_control"]);
        Assert.Equal([false, true], request["messages"]!.AsArray()[^1]!["content"]!.AsArray().Select(block => block!["cache_control"] is not null));
        Assert.Single(request["messages"]!.ToJsonString().Split("cache_control").Skip(1));
    }

    [Fact]
    public async Task Turn_ErrorEventInTheStream_FailsWithItsMessage()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.Answer([.. Wire.Text("beginning")[..4], AnthropicWire.Event("error", """{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}""")]);
        var turn = (await agent.TurnAsync("hi")).Whole();
        Assert.Equal("beginning", turn.Text);
        Assert.Equal("the model API broke off its answer: Overloaded", turn.Error);
    }

    [Fact]
    public async Task Turn_ErrorResult_IsMarkedAsOne()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.Answer(Wire.Calls(("c1", "bash", """{"command":"exit 1"}""")));
        model.Answer(Wire.Text("ok"));
        (await agent.TurnAsync("hi")).Succeeded();
        Assert.Equal("result c1 error: [exit code 1]", Wire.Conversation(model.Requests[1].Body)[^1]);
    }

    [Fact]
    public async Task Turn_Refusal_IsAnError()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.Answer(AnthropicWire.Message("refusal", AnthropicWire.TextBlock(0, "I")));
        Assert.Equal("the model refused to answer", (await agent.TurnAsync("hi")).Whole().Error);
    }

    [Fact]
    public async Task Turn_EmptyAnswer_DoesNotSpoilTheHistory()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.Answer(AnthropicWire.Message("end_turn"));
        model.Answer(Wire.Text("ok"));
        Assert.Equal("", (await agent.TurnAsync("hi")).Succeeded().Text);
        (await agent.TurnAsync("and?")).Succeeded();
        Assert.All(model.Requests[1].Body["messages"]!.AsArray(), message => Assert.True(message!["content"] is JsonValue or JsonArray { Count: > 0 }));
    }

    [Fact]
    public async Task Turn_OpenAIFormat_IsTranslatedAsText()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model, ("transport_format", "openai"));
        model.Answer(Wire.Text("ok"));
        (await agent.TurnAsync("""{"messages":[{"role":"system","content":"rules"},{"role":"user","content":[{"type":"text","text":"a"}]}]}""")).Succeeded();
        Assert.Equal(["user: a"], Wire.Conversation(model.Requests[0].Body));
        Assert.Equal("rules", Wire.SystemPrompt(model.Requests[0].Body));
    }
}
