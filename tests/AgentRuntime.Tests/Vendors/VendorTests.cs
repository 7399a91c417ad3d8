using System.Text.Json.Nodes;

namespace AgentKernel.AgentRuntime.Tests.Vendors;

/// <summary>What holds for every provider, with the real agent and SDK against a server that speaks the vendor's format.</summary>
public abstract class VendorTests
{
    internal abstract IVendorWire Wire { get; }

    [Fact]
    public async Task Turn_Text_StreamsAndCountsTokens()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model, ("system_prompt", "Be brief."), ("model", "some-model"));
        model.Answer(Wire.Text("Hel", "lo, ", "wörld 😀"));
        var turn = (await agent.TurnAsync("hi")).Succeeded();
        Assert.Equal(["Hel", "lo, ", "wörld 😀"], turn.Events.Select(e => (string)e["body"]!).Where(body => body.Length > 0));
        var usage = Assert.Single(turn.Of("usage"));
        Assert.Equal((6, 5, 4), ((int)usage["input_tokens"]!, (int)usage["output_tokens"]!, (int)usage["cache_read_input_tokens"]!));

        var request = Assert.Single(model.Requests);
        Assert.Equal(Wire.Path, request.Path);
        var (name, value) = Wire.Authentication("the-key");
        Assert.Equal(value, request.Headers[name]);
        Assert.Equal("some-model", (string)request.Body["model"]!);
        Assert.True((bool)request.Body["stream"]!);
        Assert.Equal("Be brief.", Wire.SystemPrompt(request.Body));
        Assert.Equal(["user: hi"], Wire.Conversation(request.Body));
        Assert.Equal(("bash", "object"), (Wire.Tools(request.Body).Single().Name, (string)Wire.Tools(request.Body).Single().Schema["type"]!));
    }

    [Fact]
    public async Task Turn_Streams_FirstPieceArrivesBeforeTheSecondIsSent()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var pieces = Wire.Text("first ", "second");
        model.Answer(async context =>
        {
            var split = Array.FindIndex(pieces, piece => piece.Contains("first", StringComparison.Ordinal)) + 1;
            await FakeModel.StreamAsync(context, pieces[..split]);
            await read.Task;
            await FakeModel.StreamAsync(context, pieces[split..]);
        });
        await using var turn = await agent.StartTurnAsync("hi");
        Assert.Equal("first ", (string)(await turn.NextAsync())!["body"]!);
        read.SetResult();
        Assert.Equal("second", (await turn.ReadToEndAsync()).Succeeded().Text);
    }

    [Fact]
    public async Task Turn_ToolCalls_AreRunAndGoBackWithTheirResults()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.Answer(Wire.Calls(("c1", "bash", """{"command":"echo one"}"""), ("c2", "bash", """{"command":"exit 4"}"""), ("c3", "fly", "{}")));
        model.Answer(Wire.Text("done"));
        var turn = (await agent.TurnAsync("go")).Succeeded();
        Assert.Equal("Let me see.done", turn.Text);
        Assert.Equal([("c1", "bash"), ("c2", "bash"), ("c3", "fly")], turn.Of("tool_call").Select(call => ((string)call["id"]!, (string)call["name"]!)));
        Assert.Equal("echo one", (string)turn.Of("tool_call")[0]["input"]!["command"]!);
        Assert.Equal(["one\n", "[exit code 4]", "There is no tool 'fly'. Tools: bash."], turn.Of("tool_result").Select(result => (string)result["output"]!));
        Assert.Equal(10, (int)turn.Of("usage").Single()["output_tokens"]!);

        Assert.Equal(["user: go", "assistant: Let me see.", """call c1 bash {"command":"echo one"}""", """call c2 bash {"command":"exit 4"}""", "call c3 fly {}", "result c1: one\n", "result c2: [exit code 4]", "result c3: There is no tool 'fly'. Tools: bash."],
            Conversation(model.Requests[1]));
    }

    [Fact]
    public async Task Turns_History_GoesAlongInTheVendorsForm()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.Answer(Wire.Calls(("c1", "bash", """{"command":"echo one"}""")));
        model.Answer(Wire.Text("first answer"));
        model.Answer(Wire.Text("second answer"));
        model.Answer(Wire.Text("third answer"));
        await agent.TurnAsync("first");
        await agent.TurnAsync("second");
        Assert.Equal(["user: first", "assistant: Let me see.", """call c1 bash {"command":"echo one"}""", "result c1: one\n", "assistant: first answer", "user: second"], Conversation(model.Requests[2]));

        await agent.PostAsync("/v1/control", new JsonObject { ["operation"] = "clear_history" });
        await agent.PostAsync("/v1/control", new JsonObject { ["operation"] = "set_system_prompt", ["system_prompt"] = "New rules." });
        await agent.TurnAsync("third");
        Assert.Equal(["user: third"], Conversation(model.Requests[3]));
        Assert.Equal("New rules.", Wire.SystemPrompt(model.Requests[3].Body));
    }

    [Fact]
    public async Task Turn_SystemInTheBody_IsForThisTurnAlone()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model, ("system_prompt", "usual"));
        model.Answer(Wire.Text("a"));
        model.Answer(Wire.Text("b"));
        await agent.TurnAsync("""{"system":"special","messages":[{"role":"user","content":"one"}]}""");
        await agent.TurnAsync("two");
        Assert.Equal(["special", "usual"], model.Requests.Select(request => Wire.SystemPrompt(request.Body)));
    }

    [Fact]
    public async Task Turn_ContentInTheVendorsFormat_IsPassedThrough()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model, ("transport_format", Wire.Provider));
        model.Answer(Wire.Text("nice"));
        (await agent.TurnAsync(Wire.BodyWithImage)).Succeeded();
        Assert.True(Wire.HasImage(model.Requests[0].Body));
    }

    [Fact]
    public async Task Turn_ImageInTheOtherFormat_IsRefusedAndLeavesNoTrace()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model, ("transport_format", Wire.Provider == "openai" ? "anthropic" : "openai"));
        var reply = await agent.PostAsync("/v1/turn", AgentProcess.TurnRequest(Wire.BodyWithImage));
        Assert.Equal(400, reply.Status);
        Assert.Contains("body.messages", reply.Error, StringComparison.Ordinal);
        model.Answer(Wire.Text("fine"));
        (await agent.TurnAsync("just text")).Succeeded();
        Assert.Equal(["user: just text"], Conversation(model.Requests[0]));
    }

    [Fact]
    public async Task Turn_RateLimited_IsTriedAgain()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.AnswerStatus(429, Wire.Error("slow down"), ("retry-after-ms", "1"), ("retry-after", "0"));
        model.Answer(Wire.Text("here"));
        Assert.Equal("here", (await agent.TurnAsync("hi")).Succeeded().Text);
        Assert.Equal(2, model.Requests.Count);
    }

    [Fact]
    public async Task Turn_RefusedByTheApi_FailsInItsWordsWithoutTheKeyAndLeavesNoTrace()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.AnswerStatus(401, Wire.Error("invalid key: the-key"));
        var turn = (await agent.TurnAsync("hi")).Whole();
        Assert.Equal("the model API answered 401: invalid key: ***", turn.Error);
        Assert.Empty(await agent.HistoryAsync());
        model.Answer(Wire.Text("fine"));
        (await agent.TurnAsync("hi again")).Succeeded();
        Assert.Equal(["user: hi again"], Conversation(model.Requests[1]));
    }

    [Fact]
    public async Task Turn_NotJsonFromAProxy_FailsWithTheStatus()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.AnswerStatus(403, "<html>no</html>");
        Assert.StartsWith("the model API answered 403", (await agent.TurnAsync("hi")).Whole().Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Turn_NobodyListens_FailsSayingSo()
    {
        var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        await model.DisposeAsync();
        Assert.StartsWith("the model API cannot be reached", (await agent.TurnAsync("hi")).Whole().Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Turn_StreamBreaks_FailsAndTheNextOneGoesOn()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        // Broken only when the text has come through: a reset connection loses what is under way.
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var pieces = Wire.Text("beginning");
        model.AnswerBroken(read.Task, pieces[..(Array.FindIndex(pieces, piece => piece.Contains("beginning", StringComparison.Ordinal)) + 1)]);
        await using (var turn = await agent.StartTurnAsync("hi"))
        {
            Assert.Equal("beginning", (string)(await turn.NextAsync())!["body"]!);
            read.SetResult();
            Assert.StartsWith("the connection to the model API broke", (await turn.ReadToEndAsync()).Whole().Error, StringComparison.Ordinal);
        }
        model.Answer(Wire.Text("fine"));
        (await agent.TurnAsync("again")).Succeeded();
        Assert.Equal(["user: again"], Conversation(model.Requests[^1]));
    }

    [Fact]
    public async Task Turn_StreamEndsEarly_Fails()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.Answer(Wire.Text("beginning", "never")[..^3]);
        Assert.Equal("the model API broke off its answer", (await agent.TurnAsync("hi")).Whole().Error);
    }

    [Fact]
    public async Task Turn_FailsAfterAToolRan_KeepsWhatWasDone()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.Answer(Wire.Calls(("c1", "bash", """{"command":"echo one"}""")));
        model.AnswerStatus(400, Wire.Error("no"));
        Assert.NotNull((await agent.TurnAsync("go")).Whole().Error);
        model.Answer(Wire.Text("fine"));
        (await agent.TurnAsync("on")).Succeeded();
        Assert.Equal(["user: go", "assistant: Let me see.", """call c1 bash {"command":"echo one"}""", "result c1: one\n", "assistant: [The turn ended here with an error.]", "user: on"], Conversation(model.Requests[^1]));
    }

    [Fact]
    public async Task Turn_CallerHangsUpWhileTheModelSpeaks_HangsUpOnTheModel()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        var pieces = Wire.Text("so far", "never");
        var hungUp = model.AnswerUntilHangUp(pieces[..(Array.FindIndex(pieces, piece => piece.Contains("so far", StringComparison.Ordinal)) + 1)]);
        await using (var turn = await agent.StartTurnAsync("hi"))
            Assert.Equal("so far", (string)(await turn.NextAsync())!["body"]!);
        await hungUp;
        model.Answer(Wire.Text("fine"));
        (await agent.TurnAsync("again")).Succeeded();
        Assert.Equal(["user: hi", "assistant: so far\n[The turn was cancelled here.]", "user: again"], Conversation(model.Requests[^1]));
    }

    [Fact]
    public async Task Turn_CallerHangsUpWhileAToolRuns_AnswersEveryCallInTheHistory()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        using var life = new LifeLine(agent);
        model.Answer(Wire.Calls(("c1", "bash", """{"command":"echo one"}"""), ("c2", "bash", $$"""{"command":"{{LifeLine.Hold}} sleep 10000"}"""), ("c3", "bash", """{"command":"echo three"}""")));
        await using (var turn = await agent.StartTurnAsync("go"))
            await life.RunningAsync();
        await life.DeadAsync();
        model.Answer(Wire.Text("fine"));
        (await agent.TurnAsync("on")).Succeeded();
        var conversation = Conversation(model.Requests[^1]);
        Assert.Equal(["result c1: one\n", "result c2: Cancelled before it was done; it may have had effects.", "result c3: Cancelled before it was done; it may have had effects.", "assistant: [The turn was cancelled here.]", "user: on"], conversation.TakeLast(5));
    }

    [Fact]
    public async Task Turn_BashRunsOutOfTime_KillsAllOfItAndTellsTheModel()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        using var life = new LifeLine(agent);
        model.Answer(Wire.Calls(("c1", "bash", $$"""{"command":"{{LifeLine.Hold}} echo before; (setsid bash -c 'sleep 10000 & sleep 10000' &) ; sleep 10000","timeout":1}""")));
        model.Answer(Wire.Text("fine"));
        await using var turn = await agent.StartTurnAsync("go");
        await life.RunningAsync();
        await life.DeadAsync();
        (await turn.ReadToEndAsync()).Succeeded();
        Assert.Equal("result c1: before\n[killed: the command ran longer than 1 s]", Conversation(model.Requests[1])[^1]);
    }

    [Fact]
    public async Task Turn_TooManySteps_IsStopped()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model, ("max_steps", 2));
        model.Answer(Wire.Calls(("c1", "bash", """{"command":"true"}""")));
        model.Answer(Wire.Calls(("c2", "bash", """{"command":"true"}""")));
        Assert.Equal("the turn was stopped after 2 model calls (max_steps)", (await agent.TurnAsync("go")).Whole().Error);
        model.Answer(Wire.Text("fine"));
        (await agent.TurnAsync("on")).Succeeded();
        Assert.Equal(3, model.Requests.Count);
    }

    [Fact]
    public async Task Turn_CutOffAtTheOutputLimit_SaysSoAndKeepsTheText()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.Answer(Wire.CutOff("half an ans"));
        var turn = (await agent.TurnAsync("go")).Whole();
        Assert.Equal(("half an ans", "the answer was cut off at the model's output limit"), (turn.Text, turn.Error));
        model.Answer(Wire.Text("wer"));
        (await agent.TurnAsync("on")).Succeeded();
        Assert.Contains("assistant: half an ans", Conversation(model.Requests[1]));
    }

    [Fact]
    public async Task Turn_ToolCallCutOff_IsNotRunAndTheModelIsTold()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model);
        model.Answer(Wire.CutOffCall("c1", "bash", """{"command":"echo one >trace"""));
        model.Answer(Wire.Text("sorry"));
        var turn = (await agent.TurnAsync("go")).Succeeded();
        Assert.Contains("cut off", turn.ToolOutput, StringComparison.Ordinal);
        Assert.True((bool)turn.Of("tool_result").Single()["is_error"]!);
        Assert.False(File.Exists(Path.Join(agent.Workspace, "trace")));
        Assert.Contains("cut off", Conversation(model.Requests[1])[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Turn_WithoutTools_OffersNone()
    {
        await using var model = await FakeModel.StartAsync();
        await using var agent = await StartAsync(model, ("no_tools", true));
        model.Answer(Wire.Text("ok"));
        (await agent.TurnAsync("hi")).Succeeded();
        Assert.Empty(Wire.Tools(model.Requests[0].Body));
    }

    [Fact]
    public async Task Start_ModelSettings_OwnKeysThenModelAccessThenEnvironment()
    {
        await using var model = await FakeModel.StartAsync();
        var access = new JsonObject { ["provider"] = Wire.Provider, ["endpoint"] = model.Url, ["credential"] = "granted-key" };
        var own = new JsonObject { ["provider"] = Wire.Provider, ["base_url"] = model.Url, ["api_key"] = "own-key", ["model_access"] = new JsonObject { ["endpoint"] = "http://127.0.0.1:1", ["credential"] = "granted-key" } };
        var fromHost = new JsonObject { ["provider"] = Wire.Provider, ["base_url"] = model.Url };
        var othersGrant = new JsonObject
        {
            ["provider"] = Wire.Provider,
            ["base_url"] = model.Url,
            ["model_access"] = new JsonObject { ["provider"] = Wire.Provider == "openai" ? "anthropic" : "openai", ["credential"] = "the-other-vendors-key" },
        };
        foreach (var (config, key) in new[] { (own, "own-key"), (new JsonObject { ["model_access"] = access }, "granted-key"), (fromHost, "host-key"), (othersGrant, "host-key") })
        {
            await using var agent = await AgentProcess.StartAsync(config, ("LLM_API_KEY", "host-key"));
            model.Answer(Wire.Text("ok"));
            (await agent.TurnAsync("hi")).Succeeded();
            var (name, value) = Wire.Authentication(key);
            Assert.Equal(value, model.Requests[^1].Headers[name]);
        }
    }

    private protected Task<AgentProcess> StartAsync(FakeModel model, params (string Key, JsonNode? Value)[] more) =>
        AgentProcess.StartAsync(AgentProcess.Config([("provider", Wire.Provider), ("api_key", "the-key"), ("base_url", model.Url), .. more]));

    /// <summary>Without the marks of errors, which not every vendor has.</summary>
    private protected IReadOnlyList<string> Conversation(ModelRequest request) =>
        [.. Wire.Conversation(request.Body).Select(line => line.StartsWith("result", StringComparison.Ordinal) ? line.Replace(" error:", ":", StringComparison.Ordinal) : line)];
}
