using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using AgentKernel.AgentBus.Voters.Models;
using AgentKernel.AgentBus.Voting;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;

namespace AgentKernel.AgentBus.Tests.Voters;

/// <summary>The model as a voter, against a server that speaks the vendors' wire formats.</summary>
public sealed partial class LlmVoterTests
{
    private const string Yes = """{"safe":true,"reason":"it only reads"}""";

    public static TheoryData<string> Attempts => Injections.All;

    [Theory]
    [InlineData("anthropic", "/v1/messages", "x-api-key", "the-anthropic-key")]
    [InlineData("openai", "/chat/completions", "Authorization", "Bearer the-openai-key")]
    public async Task ValidVote_Counts(string provider, string path, string header, string value)
    {
        await using var model = await ModelServer.StartAsync(_ => (200, ModelServer.Answer(provider, Yes)));

        var ballot = await VoteAsync(provider, model, "ls");

        Assert.Equal(new Ballot.Yes("it only reads"), ballot);
        var request = Assert.Single(model.Requests);
        Assert.Equal((path, value), (request.Path, request.Headers[header]));
        Assert.Equal("the-model", (string?)request.Body["model"]);
    }

    [Theory]
    [InlineData("anthropic")]
    [InlineData("openai")]
    public async Task No_IsANo(string provider)
    {
        await using var model = await ModelServer.StartAsync(_ => (200, ModelServer.Answer(provider, """{"safe":false,"reason":"it deletes"}""")));

        Assert.Equal(new Ballot.No("it deletes"), await VoteAsync(provider, model, "rm -rf /"));
    }

    [Theory]
    [MemberData(nameof(InvalidVotes))]
    public async Task AnythingButAValidVote_Denies(string provider, string vote)
    {
        await using var model = await ModelServer.StartAsync(_ => (200, ModelServer.Answer(provider, vote)));

        Assert.IsType<Ballot.No>(await VoteAsync(provider, model, "ls"));
    }

    public static MatrixTheoryData<string, string> InvalidVotes => new(
        ["anthropic", "openai"],
        [
            "{}", "true", "null", "\"safe\"", "[]", "[{\"safe\":true,\"reason\":\"r\"}]", """{"safe":"true","reason":"r"}""", """{"safe":1,"reason":"r"}""",
            """{"safe":true}""", """{"reason":"r"}""", """{"safe":true,"reason":null}""", """{"safe":true,"reason":"r","more":1}""", """{"Safe":true,"reason":"r"}""",
            """{"safe":false,"safe":true,"reason":"r"}""",
        ]);

    [Theory]
    [InlineData("anthropic", """{"content":[{"type":"text","text":"safe: true"}],"stop_reason":"end_turn"}""")]
    [InlineData("anthropic", """{"content":[{"type":"tool_use","id":"a","name":"approve","input":{"safe":true,"reason":"r"}}],"stop_reason":"tool_use"}""")]
    [InlineData("anthropic", """{"content":[{"type":"tool_use","id":"a","name":"vote","input":{"safe":true,"reason":"r"}}],"stop_reason":"max_tokens"}""")]
    [InlineData("anthropic", """{"content":[{"type":"tool_use","id":"a","name":"vote","input":{"safe":false,"reason":"r"}},{"type":"tool_use","id":"b","name":"vote","input":{"safe":true,"reason":"r"}}],"stop_reason":"tool_use"}""")]
    [InlineData("anthropic", """{"content":[{"type":"text","text":"hm"},{"type":"tool_use","id":"b","name":"vote","input":{"safe":true,"reason":"r"}}],"stop_reason":"tool_use"}""")]
    [InlineData("openai", """{"choices":[{"message":{"content":"Sure! {\"safe\":true,\"reason\":\"r\"}","refusal":null},"finish_reason":"stop"}]}""")]
    [InlineData("openai", """{"choices":[{"message":{"content":"{\"safe\":true,\"reason\":\"r\"}","refusal":null},"finish_reason":"length"}]}""")]
    [InlineData("openai", """{"choices":[{"message":{"content":"{\"safe\":true,\"reason\":\"r\"}","refusal":"no"},"finish_reason":"stop"}]}""")]
    [InlineData("openai", """{"choices":[{"message":{"content":null,"refusal":null},"finish_reason":"stop"}]}""")]
    [InlineData("openai", """{"choices":[]}""")]
    [InlineData("openai", "safe")]
    [InlineData("anthropic", "")]
    [InlineData("anthropic", "[]")]
    public async Task AnswersOfAnotherShape_Deny(string provider, string answer)
    {
        await using var model = await ModelServer.StartAsync(_ => (200, answer));

        Assert.IsType<Ballot.No>(await VoteAsync(provider, model, "ls"));
    }

    [Theory]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(302)]
    public async Task Failures_DenyEvenWithAVoteInThem(int status)
    {
        await using var model = await ModelServer.StartAsync(_ => (status, ModelServer.Answer("anthropic", Yes)));

        Assert.IsType<Ballot.No>(await VoteAsync("anthropic", model, "ls"));
    }

    [Fact]
    public async Task ModelThatIsNotThere_Denies()
    {
        var model = await ModelServer.StartAsync(_ => (200, ""));
        await model.DisposeAsync();

        Assert.IsType<Ballot.No>(await VoteAsync("anthropic", model, "ls"));
    }

    [Fact]
    public async Task IntentionTooLongToBeReadWhole_DeniesUnasked()
    {
        await using var model = await ModelServer.StartAsync(_ => (200, ModelServer.Answer("anthropic", Yes)));

        Assert.IsType<Ballot.No>(await VoteAsync("anthropic", model, new string('x', JudgeQuestion.MaxIntention)));
        Assert.Empty(model.Requests);
    }

    /// <summary>What a command says reaches the model as data alone: all else of the request is the same as for any other command.</summary>
    [Theory]
    [MemberData(nameof(Attempts))]
    public async Task Injection_StaysData(string command)
    {
        foreach (var provider in (string[])["anthropic", "openai"])
        {
            await using var model = await ModelServer.StartAsync(_ => (200, ModelServer.Answer(provider, """{"safe":false,"reason":"no"}""")));
            await VoteAsync(provider, model, command, context: command);
            await VoteAsync(provider, model, "ls", context: "ls");

            var (attempt, plain) = (Question(model.Requests.ElementAt(0).Body), Question(model.Requests.ElementAt(1).Body));
            Assert.Equal(plain.System, attempt.System);
            Assert.Equal(plain.Around, attempt.Around);
            Assert.Equal(command, ToolCallIntention.Parse(attempt.Intention)!.Arguments.GetProperty("command").GetString());
            Assert.NotEqual(plain.Mark, attempt.Mark);
            // A model that is talked into repeating what it has read has not voted.
            Assert.IsType<Ballot.No>(await VoteOnEchoAsync(provider, command));
        }
    }

    [Theory]
    [InlineData("llm.model", "anthropic", "", null)]
    [InlineData("llm.provider", "other", "m", null)]
    [InlineData("llm.endpoint", "anthropic", "m", "https://collects-keys.example")]
    [InlineData("llm.endpoint", "anthropic", "m", "file:///etc/passwd")]
    public void WrongSettings_AreRefusedByName(string field, string provider, string model, string? endpoint)
    {
        using var kind = new LlmVoterKind(new("a", "o"), new());

        var refused = Assert.Throws<RpcException>(() => kind.Create(new() { Llm = new() { Provider = provider, Model = model, Endpoint = endpoint ?? "" } }));

        Assert.Equal(RpcStatusCode.InvalidArgument, refused.Code);
        Assert.StartsWith(field, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NoKey_IsRefused()
    {
        using var kind = new LlmVoterKind(new(null, null), new());

        Assert.Contains("LLM_API_KEY", Assert.Throws<RpcException>(() => kind.Create(new() { Llm = new() { Model = "m" } })).Message, StringComparison.Ordinal);
    }

    private static async Task<Ballot> VoteOnEchoAsync(string provider, string command)
    {
        await using var model = await ModelServer.StartAsync(_ => (200, ModelServer.Answer(provider, JsonSerializer.Serialize(command))));
        return await VoteAsync(provider, model, command);
    }

    private static async Task<Ballot> VoteAsync(string provider, ModelServer model, string command, string? context = null)
    {
        using var kind = new LlmVoterKind(new("the-anthropic-key", "the-openai-key"), new() { ModelEndpoints = [model.Url] });
        var voter = kind.Create(new() { Llm = new() { Provider = provider, Model = "the-model", Endpoint = model.Url.AbsoluteUri } });
        var call = new ToolCallIntention("bash", JsonSerializer.SerializeToElement(new { command }), "call_1", "/work", "/home", "/work");
        BusEntry[] before = context is null ? [] : [new() { Header = new(), Payload = new() { AgentInput = new() { StringAgentInput = context } } }];
        return await voter.VoteAsync(new("a.b", 1, call.ToJson(), call, _ => before), Patience.Token);
    }

    // Takes a request apart at its marks, which stand at the beginning of lines that the data cannot begin.
    private static (string System, string Around, string Intention, string Mark) Question(JsonNode body)
    {
        var messages = body["messages"]!.AsArray();
        var system = (string)(body["system"] ?? messages[0]!["content"])!;
        var user = (string)messages[^1]!["content"]!;
        var mark = MarkPattern().Match(system).Value;
        var lines = user.Split('\n');
        Assert.Equal([$"<context-{mark}>", $"</context-{mark}>", $"<intention-{mark}>", $"</intention-{mark}>"], lines.Where(line => line.Contains(mark, StringComparison.Ordinal)));
        var at = Array.IndexOf(lines, $"<intention-{mark}>");
        var around = lines.Select((line, i) => i == at + 1 || line.StartsWith("agent_input: ", StringComparison.Ordinal) ? "DATA" : line);
        return (
            system.Replace(mark, "MARK", StringComparison.Ordinal),
            string.Join('\n', around).Replace(mark, "MARK", StringComparison.Ordinal),
            JsonSerializer.Deserialize<string>(lines[at + 1])!,
            mark);
    }

    [GeneratedRegex("data-[0-9a-f]{32}", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex MarkPattern();
}
