using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using AgentKernel.Client;
using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>One agent, one owner: whoever has not the nonce is refused, on every call and in the same words.</summary>
public abstract class OwnershipTests(IKernelFixture fixture)
{
    private readonly ITestKernel _kernel = fixture.Kernel;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static TheoryData<string> Imposters => ["none", "wrong", "another agent's", "the channel token", "the operator's token", "an unknown agent"];

    [Theory]
    [MemberData(nameof(Imposters))]
    public async Task Call_WithoutTheNonce_IsDeniedOverHttp(string imposter)
    {
        var (agentId, nonce) = await PresentAsync(imposter);
        using var http = new HttpClient { BaseAddress = _kernel.Http };
        foreach (var route in new[] { "/v1/turn", "/v1/turn/cancel", "/v1/history", "/v1/control", "/v1/info" })
        {
            using var response = await http.PostAsJsonAsync(route, RequestOf(route, agentId, nonce), Cancelled);

            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
            var error = (string)JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancelled))!["error"]!;
            Assert.DoesNotContain(agentId, error, StringComparison.Ordinal);
            Assert.Equal(await UnknownAgentErrorAsync(http, route), error); // an id cannot be probed
        }
    }

    [Theory]
    [MemberData(nameof(Imposters))]
    public async Task Call_WithoutTheNonce_IsDeniedOverGrpc(string imposter)
    {
        var (agentId, nonce) = await PresentAsync(imposter);
        using var channel = new RpcChannel(_kernel.Grpc);
        var calls = new Func<Task>[]
        {
            async () => await channel.StreamAsync(AgentMethods.Turn, new() { AgentId = agentId, Nonce = nonce, Body = ByteString.CopyFromUtf8("hi") }, cancellationToken: Cancelled).ToListAsync(Cancelled),
            () => channel.CallAsync(AgentMethods.CancelTurn, new() { AgentId = agentId, Nonce = nonce }, cancellationToken: Cancelled),
            () => channel.CallAsync(AgentMethods.Control, new() { AgentId = agentId, Nonce = nonce, Payload = Any.Pack(new Struct()) }, cancellationToken: Cancelled),
            () => channel.CallAsync(AgentMethods.GetHistory, new() { AgentId = agentId, Nonce = nonce }, cancellationToken: Cancelled),
            () => channel.CallAsync(AgentMethods.GetInfo, new() { AgentId = agentId, Nonce = nonce }, cancellationToken: Cancelled),
        };
        foreach (var call in calls)
        {
            Assert.Equal(RpcStatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(call)).Code);
        }

        // Killing by right of ownership: a wrong nonce is denied, no nonce at all wants the operator's token.
        using var spawner = new RpcChannel(_kernel.SpawnerGrpc);
        var kill = await Assert.ThrowsAsync<RpcException>(() => spawner.CallAsync(AgentSpawnerMethods.KillAgent, new() { AgentId = agentId, Nonce = nonce }, cancellationToken: Cancelled));
        Assert.Equal(nonce.Length == 0 ? RpcStatusCode.Unauthenticated : RpcStatusCode.PermissionDenied, kill.Code);
    }

    [Fact]
    public async Task Operator_WithoutToken_CanNeitherSpawnNorList()
    {
        using var channel = new RpcChannel(_kernel.SpawnerGrpc, new() { BearerToken = "guess" });

        var spawn = await Assert.ThrowsAsync<RpcException>(() => channel.CallAsync(AgentSpawnerMethods.SpawnAgent, new() { Name = "x" }, cancellationToken: Cancelled));
        var list = await Assert.ThrowsAsync<RpcException>(() => channel.CallAsync(AgentSpawnerMethods.ListAgents, new(), cancellationToken: Cancelled));
        var resolve = await Assert.ThrowsAsync<RpcException>(() => channel.CallAsync(AgentSpawnerMethods.ResolveAgent, new(), new() { BearerToken = _kernel.Token }, Cancelled));

        Assert.All([spawn, list, resolve], refused => Assert.Equal(RpcStatusCode.Unauthenticated, refused.Code));
    }

    [Theory]
    [InlineData("the owner's nonce")]
    [InlineData("none")]
    [InlineData("wrong")]
    public async Task Agent_AskedDirectlyWithoutItsChannelToken_RefusesEveryCall(string imposter)
    {
        var agent = await _kernel.SpawnAsync();
        var token = imposter switch { "the owner's nonce" => agent.Nonce, "none" => "", _ => new string('A', 43) };
        using var http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(_kernel.Home, "run", $"{agent.Id.Replace("-", "", StringComparison.Ordinal)[..12]}.sock")), cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });

        // The agent knows the channel token alone, so even the right nonce is a wrong one there.
        using var turn = await http.PostAsJsonAsync("http://agent/v1/turn", new JsonObject { ["agent_id"] = agent.Id, ["nonce"] = token, ["body"] = "hi" }, Cancelled);
        Assert.Equal(HttpStatusCode.Forbidden, turn.StatusCode);
        http.DefaultRequestHeaders.Authorization = token.Length > 0 ? new("Bearer", token) : null;
        using var info = await http.GetAsync("http://agent/v1/info", Cancelled);
        Assert.Equal(HttpStatusCode.Forbidden, info.StatusCode);
        foreach (var (route, body) in new[] { ("history", new JsonObject()), ("control", new JsonObject { ["operation"] = "list_tools" }) })
        {
            using var response = await http.PostAsJsonAsync($"http://agent/v1/{route}", body, Cancelled);
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        }
    }

    [Fact]
    public async Task Nonce_AfterEveryKindOfCall_IsNowhere()
    {
        var agent = await _kernel.SpawnAsync("secretive");
        await _kernel.Client.AskAsync(agent, "run: env; cat /proc/self/environ", Cancelled);
        await _kernel.Client.Agents.GetInfoAsync(agent, Cancelled);
        await _kernel.Client.Agents.GetHistoryAsync(agent, cancellationToken: Cancelled);
        var status = await _kernel.Client.StatusAsync(Cancelled);

        Assert.DoesNotContain(agent.Nonce, status.Agents.ToString()!, StringComparison.Ordinal);
        Assert.DoesNotContain(agent.Nonce, agent.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(agent.Nonce, _kernel.Log, StringComparison.Ordinal);
        Assert.NotEmpty(_kernel.Log);
        Assert.Empty(FilesHolding(agent.Nonce, _kernel.Home));
        Assert.Empty(ProcessesShowing(agent.Nonce));
        // The same search does find what is there: the channel token in the agent's config.
        Assert.NotEmpty(FilesHolding((string)ConfigOf(agent)["nonce"]!, _kernel.Home));
    }

    private async Task<(string AgentId, string Nonce)> PresentAsync(string imposter)
    {
        var agent = await _kernel.SpawnAsync();
        return imposter switch
        {
            "none" => (agent.Id, ""),
            "wrong" => (agent.Id, new string('A', 43)),
            "another agent's" => (agent.Id, (await _kernel.SpawnAsync()).Nonce),
            "the channel token" => (agent.Id, (string)ConfigOf(agent)["nonce"]!),
            "the operator's token" => (agent.Id, _kernel.Token),
            _ => (Guid.NewGuid().ToString(), agent.Nonce),
        };
    }

    private static async Task<string> UnknownAgentErrorAsync(HttpClient http, string route)
    {
        using var response = await http.PostAsJsonAsync(route, RequestOf(route, Guid.NewGuid().ToString(), "x"), Cancelled);
        return (string)JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancelled))!["error"]!;
    }

    private static JsonObject RequestOf(string route, string agentId, string nonce)
    {
        var request = new JsonObject { ["agent_id"] = agentId, ["nonce"] = nonce };
        switch (route)
        {
            case "/v1/turn":
                request["body"] = "hi";
                break;
            case "/v1/control":
                request["payload"] = new JsonObject { ["operation"] = "list_tools" };
                break;
        }

        return request;
    }

    private JsonNode ConfigOf(OwnedAgent agent) => JsonNode.Parse(File.ReadAllText(Path.Combine(_kernel.Home, "agents", agent.Id, "config.json")))!;

    private static IEnumerable<string> FilesHolding(string secret, string folder) => Directory
        .EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None })
        .Where(file => !file.EndsWith(".sock", StringComparison.Ordinal) && Read(file).AsSpan().IndexOf(Encoding.UTF8.GetBytes(secret)) >= 0);

    private static IEnumerable<string> ProcessesShowing(string secret) => Directory.EnumerateDirectories("/proc")
        .Where(folder => int.TryParse(Path.GetFileName(folder), out _))
        .SelectMany(folder => new[] { Path.Combine(folder, "environ"), Path.Combine(folder, "cmdline") })
        .Where(file => Read(file).AsSpan().IndexOf(Encoding.UTF8.GetBytes(secret)) >= 0);

    private static byte[] Read(string file)
    {
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return []; // gone meanwhile, or another user's
        }
    }
}

public sealed class OwnershipTestsInOneProcess(KernelFixture fixture) : OwnershipTests(fixture), IClassFixture<KernelFixture>;

public sealed class OwnershipTestsOfServices(ServicesFixture fixture) : OwnershipTests(fixture), IClassFixture<ServicesFixture>;

public sealed class OwnershipTestsInSandboxes(SandboxFixture fixture) : OwnershipTests(fixture), IClassFixture<SandboxFixture>;
