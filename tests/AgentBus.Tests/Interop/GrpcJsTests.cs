using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgentKernel.AgentBus.Tests.Service;

namespace AgentKernel.AgentBus.Tests.Interop;

/// <summary>Clients that know the bus by its public description alone.</summary>
public sealed class GrpcJsTests
{
    private static readonly string Folder = typeof(GrpcJsTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "InteropDirectory").Value!; // set in the project file

    [Fact]
    public async Task GrpcJs_WithAProtoOfItsOwn_ReadsAndWritesALiveBus()
    {
        await NodePackages.RequireAsync(Folder);
        await using var server = await BusServer.StartAsync();
        var agent = await server.RegisterAsync();

        var seen = JsonNode.Parse(await NodePackages.RunAsync("node", ["client.mjs", server.Grpc.Authority, agent.BusId, agent.Secret, BusServer.OperatorToken], Folder, TimeSpan.FromMinutes(2)))!;

        Assert.Equal("[1,1,2,3]", $"[{seen["tailBefore"]},{seen["input"]},{seen["inference"]},{seen["intention"]}]");
        Assert.Equal("commit", (string?)seen["decision"]!["payload"]);
        Assert.Equal(3, (int)seen["decision"]!["commit"]!["intention_id"]!);
        Assert.Contains("human: from afar", (string?)seen["decision"]!["commit"]!["reason"]);
        Assert.Equal((int)seen["decisionPosition"]! + 1, (int)seen["nextAfterDecision"]!);
        Assert.Equal("""["control","agent_input","inference_input","intention","vote","vote","commit","action_output"]""", Sorted(seen["kinds"]!));
        Assert.Equal("[0,1,2,3,4,5,6,7]", seen["positions"]!.ToJsonString());
        Assert.True((bool)seen["complete"]!);
        Assert.Equal("é😀", (string?)seen["text"]);
        Assert.Equal("0 2 [1,2] 3 0 8", $"{seen["none"]} {seen["inputs"]} {seen["range"]!.ToJsonString()} {seen["nextAfterRange"]} {seen["empty"]} {seen["tailAfter"]}");
        // PERMISSION_DENIED, OUT_OF_RANGE, PERMISSION_DENIED, INVALID_ARGUMENT
        Assert.Equal("7 11 7 3", $"{seen["forgedCommit"]} {seen["beyondTail"]} {seen["wrongToken"]} {seen["noEntries"]}");
    }

    [Fact]
    public async Task ConnectJson_ByPlainHttp_ReadsAndWritesALiveBus()
    {
        await using var server = await BusServer.StartAsync();
        var agent = await server.RegisterAsync();
        using var http = new HttpClient { BaseAddress = server.Http };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", agent.Secret);

        var appended = await PostAsync(http, "Append", new { agentBusId = agent.BusId, payload = new { inferenceOutput = new { stringInferenceOutput = "hello" } } });
        string[] kinds = ["INFERENCE_OUTPUT"];
        var polled = await PostAsync(http, "Poll", new { bus_id = new { agent_bus_id = agent.BusId }, max_entries = 10, filter = new { payload_types = kinds } });

        Assert.Equal("1", (string?)appended["logPosition"]);
        Assert.Equal("hello", (string?)polled["entries"]![0]!["payload"]!["inferenceOutput"]!["stringInferenceOutput"]);
        Assert.True((bool)polled["complete"]!);
    }

    private static async Task<JsonNode> PostAsync(HttpClient http, string method, object body)
    {
        using var response = await http.PostAsync(new Uri($"/agent_bus.AgentBusService/{method}", UriKind.Relative), JsonContent.Create(body, options: JsonSerializerOptions.Default), Patience.Token);
        var text = await response.Content.ReadAsStringAsync(Patience.Token);
        Assert.True(response.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!;
    }

    // The rules' vote and the human's may come in either order, and the decision after both or between them.
    private static string Sorted(JsonNode kinds)
    {
        string[] order = ["control", "agent_input", "inference_input", "intention", "vote", "commit", "action_output"];
        return JsonSerializer.Serialize(kinds.AsArray().Select(kind => (string)kind!).OrderBy(kind => Array.IndexOf(order, kind)));
    }
}
