using System.Text.Json.Nodes;
using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.Spawner.Tests.Backends;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Spawner.Tests.Kernel;

/// <summary>What a spawn request may hold, and what becomes of it in the agent's configuration.</summary>
public sealed class SpawnRequestTests : IAsyncLifetime
{
    private readonly TemporaryHome _home = new();
    private readonly FakeMachine _machine = new();
    private TestKernel _kernel = null!;

    public async ValueTask InitializeAsync() => _kernel = await TestKernel.StartAsync(_home, _machine);

    public async ValueTask DisposeAsync()
    {
        await _kernel.DisposeAsync();
        _home.Dispose();
    }

    public static TheoryData<string, Action<SpawnAgentRequest>> Malformed => new()
    {
        { "name must be a DNS label", request => request.Name = "" },
        { "name must be a DNS label", request => request.Name = new string('a', 64) },
        { "name must be a DNS label", request => request.Name = "a\nb" },
        { "agent_type: there is no agent type 'unknown'", request => request.AgentType = "unknown" },
        { "metadata has 65537 bytes, and may have 65536", request => request.Metadata["k"] = new string('v', 65536) },
        { "env has 65537 bytes", request => request.Env["K"] = new string('v', 65536) },
        { "env: 'A=B' is not a name", request => request.Env["A=B"] = "" },
        { "env: '' is not a name", request => request.Env[""] = "" },
        { "env.AGENTKERNEL_HOME is set by the kernel", request => request.Env["AGENTKERNEL_HOME"] = "" },
        { "env.NOTIFY_SOCKET is set by the kernel", request => request.Env["NOTIFY_SOCKET"] = "" },
        { "env.A holds a null character", request => request.Env["A"] = "a\0b" },
        { "resources.cpu", request => request.Resources = new() { Cpu = double.PositiveInfinity } },
        { "resources.memory_bytes must be 4194304 or more", request => request.Resources = new() { MemoryBytes = 4096 } },
        { "resources.pids must be 1 or more", request => request.Resources = new() { Pids = 0 } },
        { "resources.disk_bytes", request => request.Resources = new() { DiskBytes = -1 } },
        { "idle_timeout must be from 0.001 to 3888000 seconds", request => request.IdleTimeout = new() },
        { "idle_timeout", request => request.IdleTimeout = new() { Seconds = 1, Nanos = -1 } },
        { "max_lifetime must be", request => request.MaxLifetime = new() { Seconds = long.MaxValue } },
        { "restart_policy.mode", request => request.RestartPolicy = new() { Mode = (RestartPolicy.Types.Mode)9 } },
        { "restart_policy.max_restarts must be from 0 to 1000", request => request.RestartPolicy = new() { MaxRestarts = -1 } },
        { "restart_policy.backoff must be from 0 to 60 seconds", request => request.RestartPolicy = new() { Backoff = new() { Seconds = 61 } } },
        { "model_access.credentials is 'shared'", request => request.ModelAccess = new() { Credentials = "shared" } },
        { "model_access.credentials: backend 'fake' does not isolate", request => request.ModelAccess = new() { Credentials = "proxy" } },
        { "network.allow: backend 'fake' does not isolate", request => request.Network = new() { Allow = { "example.com" } } },
        { "config has", request => request.Config = new() { Fields = { ["k"] = Value.ForString(new string('v', 65536)) } } },
        { "spawn_info has", request => request.SpawnInfo = new() { TypeUrl = "type.googleapis.com/x", Value = ByteString.CopyFrom(new byte[65536]) } },
        { "spawn_info.type_url is missing", request => request.SpawnInfo = new() { Value = ByteString.CopyFrom(1, 2) } },
        { "spawn_info.value is not a google.protobuf.Struct", request => request.SpawnInfo = new() { TypeUrl = "type.googleapis.com/google.protobuf.Struct", Value = ByteString.CopyFrom(0xff, 0xff) } },
        { "spawn_info cannot be written as JSON", request => request.SpawnInfo = Any.Pack(new Struct { Fields = { ["a"] = new Value() } }) },
        { "spawn_info.agent_id is set by the kernel", request => request.SpawnInfo = Fields("agent_id") },
        { "spawn_info.nonce is set by the kernel", request => request.SpawnInfo = Fields("nonce") },
        { "spawn_info.http_port is set by the kernel", request => request.SpawnInfo = Fields("http_port") },
        { "spawn_info.unix_socket is set by the kernel", request => request.SpawnInfo = Fields("unix_socket") },
        { "spawn_info.image_path is set by the kernel", request => request.SpawnInfo = Fields("image_path") },
        { "spawn_info.agentbus_url is set by the kernel", request => request.SpawnInfo = Fields("agentbus_url") },
        { "spawn_info.agentbus_token is set by the kernel", request => request.SpawnInfo = Fields("agentbus_token") },
        { "agentbus.url", request => request.Agentbus = new() { Url = "ftp://x" } },
        { "agentbus.url", request => request.Agentbus = new() { Url = "memory://x" } },
        { "agentbus.port", request => request.Agentbus = new() { Url = "memory://", Port = 70000 } },
        { "agentbus.port", request => request.Agentbus = new() { Port = 8095 } },
        { "spawn_info.disable_safety is set by the kernel", request => request.SpawnInfo = Fields("disable_safety") },
    };

    [Theory]
    [MemberData(nameof(Malformed), DisableDiscoveryEnumeration = true)]
    public async Task Spawn_WithAMalformedRequest_NamesTheField(string said, Action<SpawnAgentRequest> spoil)
    {
        await Refusal.IsAsync(RpcStatusCode.InvalidArgument, said, () => _kernel.SpawnAsync("idle", adjust: spoil));
        Assert.Empty(_machine.Agents);
        Assert.Empty(await _kernel.ListAsync());
    }

    [Fact]
    public async Task Spawn_OfWhatThisKernelCannotDo_IsRefused()
    {
        await Refusal.IsAsync(RpcStatusCode.NotFound, "image_id", () => _kernel.SpawnAsync("idle", adjust: request => request.ImageId = "none"));
        await Refusal.IsAsync(RpcStatusCode.FailedPrecondition, "agentbus", () => _kernel.SpawnAsync("idle", adjust: request => request.Agentbus = new()));
        await Refusal.IsAsync(RpcStatusCode.Unimplemented, "setup_script_uri", () => _kernel.SpawnAsync("idle", adjust: request => request.SetupScriptUri = "blob://sha256:00"));
    }

    [Fact]
    public async Task Spec_OfAnAgent_HasWhatWasAskedFor_OverItsTeams()
    {
        await _kernel.CallAsync(AgentSpawnerMethods.CreateTeam, new()
        {
            TeamId = "red",
            Resources = new() { Cpu = 4, MemoryBytes = 64 << 20, Pids = 100 },
            Config = new() { Fields = { ["a"] = Value.ForString("team's"), ["b"] = Value.ForNumber(1) } },
        });
        var spawned = await _kernel.SpawnAsync("idle", "red", request =>
        {
            request.Resources = new() { MemoryBytes = 32 << 20, Pids = 10, DiskBytes = 5 };
            request.Network = new() { Host = true };
            request.ModelAccess = new() { Provider = "openai", Credential = "a-key-of-a-vendor", Credentials = "pass" };
            request.MaxLifetime = Duration.FromTimeSpan(TimeSpan.FromHours(1));
            request.Metadata["k"] = "v";
            request.Config = new() { Fields = { ["a"] = Value.ForString("agent's") } };
        });
        var spec = _machine.Agents[spawned.Agent.Id].Spec;
        Assert.Equal(new Resources { Cpu = 1, MemoryBytes = 32 << 20, Agents = 1, Pids = 10, DiskBytes = 5 }, spec.Resources);
        Assert.Equal(spec.Resources, spawned.Agent.Resources);
        Assert.Equal(("red", 64L << 20, 100), (spec.TeamId, spec.TeamResources.MemoryBytes, spec.TeamResources.Pids));
        Assert.Equal((true, "a-key-of-a-vendor", TimeSpan.FromHours(1), "v"), (spec.Network.Host, spec.ModelAccess!.Credential, spec.MaxLifetime, spec.Metadata["k"]));
        Assert.Equal("{ \"a\": \"agent's\", \"b\": 1 }", spec.BackendConfig.ToString());
        Assert.Contains("a-key-of-a-vendor", spec.Secrets);
        await Refusal.IsAsync(RpcStatusCode.ResourceExhausted, "91 processes wanted, 90 of 100 free", () => _kernel.SpawnAsync("idle", "red", request => request.Resources = new() { Pids = 91 }));
    }

    [Fact]
    public async Task Spawn_BeyondTheSizeOfARequest_IsRefused() => await Refusal.IsAsync(
        RpcStatusCode.ResourceExhausted, "1048576", () => _kernel.SpawnAsync("idle", adjust: request => request.Metadata["k"] = new string('v', 2 * 1024 * 1024)));

    [Fact]
    public async Task Config_FromAStruct_HasItsFieldsAsPlainKeys()
    {
        var config = await ConfigAsync(request =>
        {
            request.SpawnInfo = Any.Pack(new Struct
            {
                Fields =
                {
                    ["system_prompt"] = Value.ForString("höher"),
                    ["nested"] = Value.ForStruct(new() { Fields = { ["n"] = Value.ForNumber(1.5), ["none"] = Value.ForNull() } }),
                    ["tools"] = Value.ForList(Value.ForString("bash"), Value.ForBool(true)),
                },
            });
            request.ModelAccess = new() { Provider = "anthropic", Endpoint = "http://model", Credential = "sk-model" };
        });
        Assert.Equal("höher", (string?)config["system_prompt"]);
        Assert.Equal("""{"n":1.5,"none":null}""", config["nested"]!.ToJsonString());
        Assert.Equal("""["bash",true]""", config["tools"]!.ToJsonString());
        Assert.Equal("""{"provider":"anthropic","endpoint":"http://model","credential":"sk-model"}""", config["model_access"]!.ToJsonString());
        Assert.Null(config["spawn_info"]);
    }

    [Fact]
    public async Task Config_FromAnotherMessage_HasItAsItCame()
    {
        // Not a message at all: the kernel does not look.
        var config = await ConfigAsync(request => request.SpawnInfo = new() { TypeUrl = "type.googleapis.com/some.Type", Value = ByteString.CopyFrom(0xff, 0x00) });
        Assert.Equal("""{"type_url":"type.googleapis.com/some.Type","value":"/wA="}""", config["spawn_info"]!.ToJsonString());
    }

    [Fact]
    public async Task Config_FromADeepStruct_IsWholeOrRefused()
    {
        var deep = Value.ForString("bottom");
        for (var depth = 0; depth < 45; depth++)
        {
            deep = Value.ForList(deep);
        }

        var config = await ConfigAsync(request => request.SpawnInfo = Any.Pack(new Struct { Fields = { ["deep"] = deep } }));
        Assert.Contains("bottom", config.ToJsonString(), StringComparison.Ordinal);
        for (var depth = 0; depth < 45; depth++)
        {
            deep = Value.ForList(deep);
        }

        await Refusal.IsAsync(RpcStatusCode.InvalidArgument, "spawn_info", () => _kernel.SpawnAsync("idle", adjust: request => request.SpawnInfo = Any.Pack(new Struct { Fields = { ["deep"] = deep } })));
    }

    [Fact]
    public async Task Config_OfAnAgent_HasTheChannelTokenAndNotTheNonce()
    {
        var spawned = await _kernel.SpawnAsync("idle");
        var config = _machine.Agents[spawned.Agent.Id].Spec.Config;
        Assert.Equal((spawned.Agent.Id, "tested", "idle", "anthropic"), ((string?)config["agent_id"], (string?)config["name"], (string?)config["agent_type"], (string?)config["transport_format"]));
        Assert.Equal(43, ((string?)config["nonce"])?.Length);
        Assert.NotEqual(spawned.Nonce, (string?)config["nonce"]);
    }

    private async Task<JsonObject> ConfigAsync(Action<SpawnAgentRequest> adjust) =>
        _machine.Agents[(await _kernel.SpawnAsync("idle", adjust: adjust)).Agent.Id].Spec.Config;

    private static Any Fields(string key) => Any.Pack(new Struct { Fields = { [key] = Value.ForString("mine") } });
}
