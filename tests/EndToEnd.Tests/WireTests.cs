using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using AgentKernel.Contracts.OpenClaw.V1;
using AgentKernel.Rpc;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>The kernel as curl and other programs see it.</summary>
public abstract class WireTests(IKernelFixture fixture)
{
    private readonly ITestKernel _kernel = fixture.Kernel;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Curl_SpawnsAsksAndKills()
    {
        var spawned = JsonNode.Parse(await CurlAsync("/agentkernel.v1.AgentSpawnerService/SpawnAgent", """
            {"name": "curled", "spawnInfo": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"provider": "scripted"}}}
            """))!;
        var (id, nonce) = ((string)spawned["agent"]!["id"]!, (string)spawned["nonce"]!);

        var turn = await CurlAsync("/v1/turn", new JsonObject { ["agent_id"] = id, ["nonce"] = nonce, ["body"] = "hello wide world" }.ToJsonString(), token: false);
        var events = turn.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line["data: ".Length..])!).ToList();
        Assert.Equal("hello wide world", string.Concat(events.Select(one => (string?)one["body"])));
        Assert.True(events.Count >= 4, turn); // a word an event, and the end
        Assert.True((bool)events[^1]["done"]!);

        var killed = JsonNode.Parse(await CurlAsync("/agentkernel.v1.AgentSpawnerService/KillAgent", new JsonObject { ["agentId"] = id }.ToJsonString()))!;
        Assert.Equal("AGENT_STATE_STOPPED", (string)killed["agent"]!["state"]!);
    }

    [Fact]
    public async Task SpawnInfo_AsATypeOfItsOwn_IsDecodedByTheAgentAlone()
    {
        var agent = await _kernel.Client.Spawner.SpawnAsync("typed", new OpenClawSpawnInfo { Provider = "scripted", Tools = { "read", "write" } }, cancellationToken: Cancelled);

        var answer = await _kernel.Client.Agents.ControlAsync(agent, new Struct { Fields = { ["operation"] = Value.ForString("list_tools") } }, Cancelled);

        Assert.Equal(["read", "write"], answer.Fields["tools"].ListValue.Values.Select(tool => tool.StructValue.Fields["name"].StringValue).Order());
    }

    [Fact]
    public async Task SpawnInfo_ThatTheAgentRefuses_FailsTheSpawnWithItsWords()
    {
        var failed = await Assert.ThrowsAsync<RpcException>(() => _kernel.SpawnAsync(spawnInfo: """{"thinking_level": "enormous"}"""));

        Assert.Equal(RpcStatusCode.FailedPrecondition, failed.Code);
        Assert.Contains("thinking_level", failed.Message, StringComparison.Ordinal);
        Assert.DoesNotContain((await _kernel.Client.StatusAsync(Cancelled)).Agents, agent => agent.State is Contracts.V1.AgentState.Starting);
    }

    [Fact]
    public async Task Turn_WhileOneRuns_IsRefusedAndTheFirstGoesOn()
    {
        var agent = await _kernel.SpawnAsync(spawnInfo: """{"scripted_delay_ms": 5}""");
        await using var first = _kernel.Client.Agents.TurnAsync(agent, string.Concat(Enumerable.Range(0, 60).Select(word => $"w{word} ")), Cancelled).GetAsyncEnumerator(Cancelled);
        Assert.True(await first.MoveNextAsync());

        var second = await Assert.ThrowsAsync<RpcException>(() => _kernel.Client.AskAsync(agent, "me too", Cancelled));

        Assert.Equal(RpcStatusCode.Aborted, second.Code);
        var last = first.Current;
        while (await first.MoveNextAsync())
        {
            last = first.Current;
        }

        Assert.True(last.Done);
    }

    [Fact]
    public async Task Turn_LeftByItsCaller_IsCancelledInTheAgent()
    {
        var agent = await _kernel.SpawnAsync();
        var marker = Path.Combine(Directory.CreateTempSubdirectory("agentkernel-test-").FullName, "pid");
        await foreach (var piece in _kernel.Client.Agents.TurnAsync(agent, $"run: mkfifo {marker}.go; echo $$ > {marker}; cat {marker}.go", Cancelled))
        {
            if (piece.Event?.Fields["type"].StringValue == "tool_call")
            {
                break; // the caller goes away while the tool waits for ever
            }
        }

        // The next turn waits for the cancelled one to be over; by then its tool is dead.
        Assert.Equal("next", await _kernel.Client.AskAsync(agent, "next", Cancelled));
        Assert.True(!File.Exists(marker) || !Directory.Exists($"/proc/{File.ReadAllText(marker).Trim()}"));
        Directory.Delete(Path.GetDirectoryName(marker)!, recursive: true);
    }

    [Fact]
    public async Task Turn_OfAnAgentThatDies_EndsWithAnErrorAndDone()
    {
        var agent = await _kernel.SpawnAsync();
        var pieces = new List<Contracts.V1.TurnResponse>();

        await foreach (var piece in _kernel.Client.Agents.TurnAsync(agent, "run: kill -9 $PPID", Cancelled))
        {
            pieces.Add(piece);
        }

        Assert.Contains(pieces, piece => piece.Error.Length > 0);
        Assert.True(pieces[^1].Done);
        // The stream may break a moment before the kernel has seen the process end.
        await foreach (var news in _kernel.Client.Spawner.WatchAsync(cancellationToken: Cancelled))
        {
            if (news.Snapshot?.Agents.FirstOrDefault(known => known.Id == agent.Id)?.State is Contracts.V1.AgentState.Failed
                || news.Changed is { State: Contracts.V1.AgentState.Failed } changed && changed.Id == agent.Id)
            {
                break;
            }
        }

        var after = await Assert.ThrowsAsync<RpcException>(() => _kernel.Client.AskAsync(agent, "still there?", Cancelled));
        Assert.Equal(RpcStatusCode.FailedPrecondition, after.Code);
        var record = await _kernel.Client.Spawner.GetAsync(agent.Id, Cancelled);
        Assert.Equal(Contracts.V1.AgentState.Failed, record.State);
        Assert.Equal(9, record.Exit.Signal);
    }

    [Fact]
    public async Task Turn_ToAKilledAgent_SaysThatItHasEnded()
    {
        var agent = await _kernel.SpawnAsync();
        await _kernel.Client.Spawner.KillAsync(agent, Cancelled);

        var refused = await Assert.ThrowsAsync<RpcException>(() => _kernel.Client.AskAsync(agent, "hello?", Cancelled));

        Assert.Equal(RpcStatusCode.FailedPrecondition, refused.Code);
        Assert.Contains("has ended", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", HttpStatusCode.BadRequest, "JSON")]
    [InlineData("""{"agent_id": 5}""", HttpStatusCode.BadRequest, "agent_id")]
    [InlineData("""{"agent_id": "$ID", "nonce": "$NONCE"}""", HttpStatusCode.BadRequest, "body")]
    [InlineData("""{"agent_id": "$ID", "nonce": "$NONCE", "body": "{\"no\": \"messages\"}"}""", HttpStatusCode.BadRequest, "messages")]
    public async Task Turn_WithABadRequest_NamesTheField(string body, HttpStatusCode status, string expected)
    {
        var agent = await _kernel.SpawnAsync();

        var (actual, error) = await PostAsync("/v1/turn", Encoding.UTF8.GetBytes(body.Replace("$ID", agent.Id, StringComparison.Ordinal).Replace("$NONCE", agent.Nonce, StringComparison.Ordinal)));

        Assert.Equal(status, actual);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Turn_WithInvalidUtf8OrTooLarge_IsRefused()
    {
        var agent = await _kernel.SpawnAsync();
        byte[] Body(ReadOnlySpan<byte> content) => [.. Encoding.UTF8.GetBytes($$"""{"agent_id":"{{agent.Id}}","nonce":"{{agent.Nonce}}","body":" """), .. content, .. "\"}"u8];

        var (invalid, invalidError) = await PostAsync("/v1/turn", Body([0xC3, 0x28]));
        var (large, largeError) = await PostAsync("/v1/turn", Body(Encoding.UTF8.GetBytes(new string('a', 20_000_000))));

        Assert.Equal(HttpStatusCode.BadRequest, invalid);
        Assert.Contains("UTF-8", invalidError, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, large);
        Assert.Contains("16777216", largeError, StringComparison.Ordinal);
        Assert.Equal("fine", await _kernel.Client.AskAsync(agent, "fine", Cancelled));
    }

    [Fact]
    public async Task Spawn_WithADeadlineThatPasses_LeavesNothing()
    {
        using var channel = new RpcChannel(_kernel.SpawnerGrpc, new() { BearerToken = _kernel.Token });

        var failed = await Assert.ThrowsAsync<RpcException>(() => channel.CallAsync(
            Contracts.AgentSpawnerMethods.SpawnAgent, new() { Name = "hasty" }, new() { Timeout = TimeSpan.FromMilliseconds(5) }, Cancelled));

        Assert.Equal(RpcStatusCode.DeadlineExceeded, failed.Code);
        // The cancelled start is over once the kernel no longer lists it as starting: a watch tells when.
        var starting = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var news in _kernel.Client.Spawner.WatchAsync(cancellationToken: Cancelled))
        {
            foreach (var agent in (news.Snapshot?.Agents.AsEnumerable() ?? [news.Changed]).Where(agent => agent.Name == "hasty"))
            {
                _ = agent.State is Contracts.V1.AgentState.Starting ? starting.Add(agent.Id) : starting.Remove(agent.Id);
            }

            if (starting.Count == 0)
            {
                break;
            }
        }

        Assert.DoesNotContain((await _kernel.Client.StatusAsync(Cancelled)).Agents, agent => agent.Name == "hasty");
    }

    private async Task<string> CurlAsync(string path, string body, bool token = true)
    {
        string[] authorization = token ? ["-H", $"Authorization: Bearer {_kernel.Token}"] : [];
        return (await ProgramRun.RunAsync("/usr/bin/curl", ["-sS", "--fail-with-body", "-N", "-H", "Content-Type: application/json", .. authorization, "-d", body, new Uri(path.StartsWith("/v1/", StringComparison.Ordinal) ? _kernel.Http : _kernel.SpawnerHttp, path).ToString()])).Succeeded().Output;
    }

    private async Task<(HttpStatusCode Status, string Error)> PostAsync(string route, byte[] body)
    {
        using var http = new HttpClient { BaseAddress = _kernel.Http };
        using var content = new ByteArrayContent(body);
        using var response = await http.PostAsync(route, content, Cancelled);
        return (response.StatusCode, (string)JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancelled))!["error"]!);
    }
}

public sealed class WireTestsInOneProcess(KernelFixture fixture) : WireTests(fixture), IClassFixture<KernelFixture>;

public sealed class WireTestsOfServices(ServicesFixture fixture) : WireTests(fixture), IClassFixture<ServicesFixture>;
