using System.Text;
using System.Text.Json.Nodes;

namespace AgentKernel.AgentRuntime.Tests;

/// <summary>Every way in which a request can be refused, with its status and what the error names.</summary>
public sealed class RefusalTests
{
    private const string Id = AgentProcess.AgentId;
    private const string Token = AgentProcess.Token;

    [Theory]
    [InlineData("/v1/turn", "not json", 400, "not JSON")]
    [InlineData("/v1/turn", "[]", 400, "JSON object")]
    [InlineData("/v1/turn", $$$"""{"agent_id":1,"nonce":"{{{Token}}}","body":"x"}""", 400, "agent_id")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"{{{Id}}}","nonce":7,"body":"x"}""", 400, "nonce")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"{{{Id}}}","nonce":"{{{Token}}}","body":{}}""", 400, "body")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"{{{Id}}}","nonce":"{{{Token}}}"}""", 400, "body")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"{{{Id}}}","nonce":"{{{Token}}}","body":" "}""", 400, "body")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"{{{Id}}}","nonce":"{{{Token}}}","body":"\ud800"}""", 400, "body")]
    [InlineData("/v1/turn", $$$"""{"nonce":"{{{Token}}}","body":"x"}""", 400, "agent_id")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"other","nonce":"{{{Token}}}","body":"x"}""", 400, "agent_id")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"{{{Id}}}","body":"x"}""", 403, "nonce")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"{{{Id}}}","nonce":"wrong","body":"x"}""", 403, "nonce")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"{{{Id}}}","nonce":"{{{Token}}}","body":"{\"model\":\"x\"}"}""", 400, "body.messages")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"{{{Id}}}","nonce":"{{{Token}}}","body":"{\"messages\":{}}"}""", 400, "body.messages")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"{{{Id}}}","nonce":"{{{Token}}}","body":"{\"messages\":[]}"}""", 400, "body.messages")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"{{{Id}}}","nonce":"{{{Token}}}","body":"{\"messages\":[{\"role\":\"user\"}]}"}""", 400, "body.messages[0].content")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"{{{Id}}}","nonce":"{{{Token}}}","body":"{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]}]}"}""", 400, "body.messages[0].content[0].type")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"{{{Id}}}","nonce":"{{{Token}}}","body":"{\"messages\":[{\"role\":\"robot\",\"content\":\"x\"}]}"}""", 400, "body.messages[0].role")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"{{{Id}}}","nonce":"{{{Token}}}","body":"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":\"y\"}]}"}""", 400, "no user message")]
    [InlineData("/v1/turn", $$$"""{"agent_id":"{{{Id}}}","nonce":"{{{Token}}}","body":"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\"}]}]}"}""", 400, "tool_result")]
    [InlineData("/v1/history", """{"last_n":"five"}""", 400, "last_n")]
    [InlineData("/v1/history", """{"last_n":-1}""", 400, "last_n")]
    [InlineData("/v1/control", "{}", 400, "operation")]
    [InlineData("/v1/control", """{"operation":"dance"}""", 400, "'dance' is unknown; known: list_tools, list_skills, load_bundle, set_system_prompt, clear_history")]
    [InlineData("/v1/control", """{"operation":"set_system_prompt"}""", 400, "system_prompt")]
    [InlineData("/v2/turn", "{}", 404, "unknown path")]
    public async Task Post_Refused_NamesWhatIsWrong(string path, string body, int status, string named)
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        var reply = await agent.SendAsync(HttpMethod.Post, path, new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Equal(status, reply.Status);
        Assert.Contains(named, reply.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(Token, reply.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/health", "POST", "GET")]
    [InlineData("/v1/turn", "GET", "POST")]
    [InlineData("/v1/history", "GET", "POST")]
    [InlineData("/v1/control", "PUT", "POST")]
    [InlineData("/v1/info", "DELETE", "GET, POST")]
    public async Task Request_WrongMethod_Is405WithTheRightOnes(string path, string method, string allowed)
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        var reply = await agent.SendAsync(new HttpMethod(method), path);
        Assert.Equal((405, allowed), (reply.Status, string.Join(", ", reply.Allow)));
        Assert.Contains(allowed, reply.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("POST", "/v1/history")]
    [InlineData("POST", "/v1/control")]
    [InlineData("GET", "/v1/info")]
    [InlineData("POST", "/v1/info")]
    public async Task Request_WithoutTheToken_Is403(string method, string path)
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        Assert.Equal(403, (await agent.SendAsync(new HttpMethod(method), path, bearer: null)).Status);
        Assert.Equal(403, (await agent.SendAsync(new HttpMethod(method), path, bearer: "wrong")).Status);
    }

    [Fact]
    public async Task Request_TokenInTheBody_IsAsGoodAsInTheHeader()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        var body = new JsonObject { ["nonce"] = Token, ["operation"] = "list_tools" }.ToJsonString();
        var reply = await agent.SendAsync(HttpMethod.Post, "/v1/control", new StringContent(body), bearer: null);
        Assert.Equal(200, reply.Status);
        Assert.Equal("bash", (string)reply.Body!["tools"]![0]!["name"]!);
        Assert.NotEmpty((string)reply.Body["tools"]![0]!["description"]!);
    }

    [Fact]
    public async Task Health_WithoutToken_IsOk()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        var reply = await agent.SendAsync(HttpMethod.Get, "/health", bearer: null);
        Assert.Equal((200, "ok", Id), (reply.Status, (string?)reply.Body!["status"], (string?)reply.Body["agent_id"]));
    }

    [Fact]
    public async Task Turn_InvalidUtf8_Is400()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        byte[] bytes = [.. Encoding.UTF8.GetBytes($$"""{"agent_id":"{{Id}}","nonce":"{{Token}}","body":" """), 0xff, .. "\"}"u8];
        var reply = await agent.SendAsync(HttpMethod.Post, "/v1/turn", new ByteArrayContent(bytes));
        Assert.Equal((400, "the request is not valid UTF-8"), (reply.Status, reply.Error));
    }

    [Theory]
    [InlineData(16 * 1024 * 1024 + 1)]
    [InlineData(40 * 1024 * 1024)]
    public async Task Turn_TooLarge_Is413WithTheLimit(int length)
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        var reply = await agent.PostAsync("/v1/turn", AgentProcess.TurnRequest(new string('x', length)));
        Assert.Equal(413, reply.Status);
        Assert.Contains("16777216", reply.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("anthropic", "LLM_API_KEY")]
    [InlineData("openai", "OPENAI_API_KEY")]
    public async Task Turn_WithoutKey_Is503NamingTheSettings(string provider, string variable)
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Config(("provider", provider)));
        var reply = await agent.PostAsync("/v1/turn", AgentProcess.TurnRequest("hi"));
        Assert.Equal(503, reply.Status);
        Assert.Contains("api_key", reply.Error, StringComparison.Ordinal);
        Assert.Contains(variable, reply.Error, StringComparison.Ordinal);
    }
}
