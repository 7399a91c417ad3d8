using System.Text.Json.Nodes;
using AgentKernel.Contracts.OpenClaw.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.AgentRuntime.Tests;

/// <summary>From the config file to readiness, or to a clear refusal.</summary>
public sealed class StartTests
{
    private const string InfoType = "type.googleapis.com/agentkernel.openclaw.v1.OpenClawSpawnInfo";

    public static TheoryData<string, string[]> BadConfigs => new()
    {
        { """{"provider":"llama"}""", ["'provider'", "'llama'", "anthropic, openai, scripted"] },
        { """{"tools":["bash","fly"]}""", ["'tools'", "'fly'", "bash, read, write, edit"] },
        { """{"thinking_level":"extreme"}""", ["'thinking_level'", "none, low, medium, high"] },
        { """{"tools":"bash"}""", ["'tools'", "list of strings"] },
        { """{"tools":["read"],"no_tools":true}""", ["'tools'", "'no_tools'"] },
        { """{"max_steps":-1}""", ["'max_steps'"] },
        { """{"max_steps":1.5}""", ["'max_steps'"] },
        { """{"base_url":"not a url"}""", ["'base_url'"] },
        { """{"model_access":{"provider":"gemini"}}""", ["'model_access.provider'", "anthropic, openai"] },
        { """{"transport_format":"xml"}""", ["'transport_format'", "anthropic, openai"] },
        { """{"unix_socket":"a.sock","http_port":1}""", ["'unix_socket'", "'http_port'"] },
        { """{"http_port":70000}""", ["'http_port'"] },
        { $$"""{"unix_socket":"/tmp/{{new string('x', 110)}}"}""", ["'unix_socket'", "107 bytes"] },
        { """{"agentbus_url":"localhost:8095"}""", ["'agentbus_url'"] },
        { """{"agent_id":""}""", ["'agent_id'"] },
        { """{"nonce":5}""", ["'nonce'"] },
        { """{"spawn_info":{"type_url":"type.googleapis.com/other.Info","value":""}}""", ["'spawn_info.type_url'", "OpenClawSpawnInfo"] },
        { $$$"""{"spawn_info":{"type_url":"{{{InfoType}}}","value":"***"}}""", ["'spawn_info.value'", "base64"] },
        { $$$"""{"spawn_info":{"type_url":"{{{InfoType}}}","value":"/////w=="}}""", ["'spawn_info.value'"] },
        { $$$"""{"spawn_info":{"type_url":"{{{InfoType}}}","value":"{{{Pack(new OpenClawSpawnInfo { Provider = "llama" })}}}"}}""", ["'spawn_info.provider'", "'llama'"] },
    };

    [Theory]
    [MemberData(nameof(BadConfigs))]
    public async Task Start_BadConfig_Exits64NamingTheKey(string keys, string[] named)
    {
        var (exitCode, stderr) = await AgentProcess.RunToExitAsync((JsonObject)JsonNode.Parse(keys)!);
        Assert.Equal(64, exitCode);
        Assert.All(named, name => Assert.Contains(name, stderr, StringComparison.Ordinal));
        Assert.Single(stderr.TrimEnd().Split('\n'));
        Assert.DoesNotContain(AgentProcess.Token, stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_SocketInAMissingFolder_Exits64()
    {
        var (exitCode, stderr) = await AgentProcess.RunToExitAsync(AgentProcess.Scripted(("unix_socket", "missing/agent.sock")));
        Assert.Equal(64, exitCode);
        Assert.Contains("cannot listen", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_NotifySocketInTheAbstractNamespace_IsNotified()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted(), abstractNotify: true);
        Assert.Equal(200, (await agent.SendAsync(HttpMethod.Get, "/health")).Status);
    }

    [Fact]
    public async Task Start_UnixSocket_IsTheOwnersAlone()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(agent.SocketPath));
    }

    [Fact]
    public async Task Start_OnPort_ServesTheSameContract()
    {
        await using var agent = await AgentProcess.StartOnPortAsync(AgentProcess.Scripted());
        Assert.Equal("hello you", (await agent.TurnAsync("hello you")).Succeeded().Text);
        Assert.Equal(2, (await agent.HistoryAsync()).Count);
    }

    [Fact]
    public async Task Start_PackedSpawnInfo_ConfiguresLikePlainKeys()
    {
        var info = new OpenClawSpawnInfo { Provider = "scripted", Model = "m-1", Tools = { "edit", "read" } };
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Config(("spawn_info", new JsonObject { ["type_url"] = InfoType, ["value"] = Pack(info) })));
        await CheckAsync(agent, "m-1", "edit", "read");
    }

    [Fact]
    public async Task Start_PackedStruct_ConfiguresLikePlainKeys()
    {
        var info = new Struct
        {
            Fields = { ["provider"] = Value.ForString("scripted"), ["model"] = Value.ForString("m-2"), ["no_tools"] = Value.ForBool(true), ["max_steps"] = Value.ForNumber(7) },
        };
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Config(("spawn_info", new JsonObject { ["type_url"] = "type.googleapis.com/google.protobuf.Struct", ["value"] = Pack(info) })));
        await CheckAsync(agent, "m-2");
    }

    [Fact]
    public async Task Start_UnsetTools_AreBashButAnEmptyListIsNone()
    {
        await using var unset = await AgentProcess.StartAsync(AgentProcess.Config(("spawn_info", new JsonObject { ["type_url"] = InfoType, ["value"] = Pack(new OpenClawSpawnInfo { Provider = "scripted" }) })));
        await CheckAsync(unset, "scripted", "bash");
        await using var empty = await AgentProcess.StartAsync(AgentProcess.Scripted(("tools", new JsonArray())));
        await CheckAsync(empty, "scripted");
    }

    private static async Task CheckAsync(AgentProcess agent, string model, params string[] tools)
    {
        var info = await agent.InfoAsync();
        Assert.Equal(("scripted", model), ((string?)info["provider"], (string?)info["model"]));
        Assert.Equal(tools, info["tools"]!.AsArray().Select(tool => (string)tool!));
    }

    private static string Pack(IMessage message) => Convert.ToBase64String(message.ToByteArray());
}
