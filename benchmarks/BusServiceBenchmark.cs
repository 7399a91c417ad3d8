using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;
using AgentKernel.Rpc;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Benchmarks;

/// <summary>The bus service over gRPC, beside etcd by its own gRPC API and the same clients; and what a decision of the rules takes.</summary>
internal static class BusServiceBenchmark
{
    private const int Callers = 64;
    private const int Rounds = 3;
    private const string Token = "the-benchmarks-token";

    public static async Task<JsonObject> RunAsync()
    {
        var home = Directory.CreateTempSubdirectory("agentkernel-bench-").FullName;
        try
        {
            await using var service = await BenchedProcess.StartAsync(Repository.AgentBus, [], "Now listening on: ", new()
            {
                ["HTTP_PORT"] = "0",
                ["GRPC_PORT"] = "0",
                ["AGENTKERNEL_HOME"] = home,
                ["AGENTKERNEL_TOKEN"] = Token,
                ["Logging__LogLevel__Microsoft.Hosting.Lifetime"] = "Information",
            });
            var grpc = new Uri(service.Line[(service.Line.IndexOf("http://", StringComparison.Ordinal))..].Trim());
            await using var etcd = await EtcdProcess.StartAsync(Path.Combine(home, "etcd"));
            using var admin = new RpcChannel(grpc, new() { BearerToken = Token });
            var (bus, agent) = await RegisterAsync(admin, disableSafety: true);
            var payload = new Payload { AgentInput = new() { StringAgentInput = BusLogBenchmark.Text } };
            var value = payload.ToByteString();
            var (appends, puts) = (new List<double>(), new List<double>());
            for (var round = 0; round <= Rounds; round++)
            {
                BusLogBenchmark.Note(appends, round, await CallsAsync(grpc, AgentBusMethods.Append.Path, agent, _ => new AppendRequest { AgentBusId = bus, Payload = payload }));
                // PutRequest has the key in field 1 and the value in field 2, as Any has: what goes over the wire is the same.
                BusLogBenchmark.Note(puts, round, await CallsAsync(etcd.Grpc, "/etcdserverpb.KV/Put", null, key => new Any { TypeUrl = key, Value = value }));
            }

            return new()
            {
                ["appends_64_clients_per_second"] = BusLogBenchmark.Middle(appends),
                ["etcd_puts_64_clients_per_second"] = BusLogBenchmark.Middle(puts),
                ["appends_over_puts"] = Sample.Rounded(BusLogBenchmark.Middle(appends) / BusLogBenchmark.Middle(puts)),
                ["intention_to_decision"] = (await DecisionsAsync(grpc, admin)).ToJson(),
            };
        }
        finally
        {
            Directory.Delete(home, recursive: true);
        }
    }

    private static async Task<double> CallsAsync(Uri address, string path, string? token, Func<string, IMessage> request)
    {
        var count = 0L;
        var connections = await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => LeanGrpcConnection.OpenAsync(address, path, token)));
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(connections.Select((connection, caller) => Task.Run(async () =>
        {
            for (var i = 0; clock.Elapsed < BusLogBenchmark.Round; i++)
            {
                await connection.CallAsync(request($"{caller}/{i}").ToByteArray());
                Interlocked.Increment(ref count);
            }
        })));
        var rate = count / clock.Elapsed.TotalSeconds;
        Array.ForEach(connections, connection => connection.Dispose());
        return rate;
    }

    // What a tool call waits: the intention is appended, the rules vote, the decider commits, and the agent has read it.
    private static async Task<Sample> DecisionsAsync(Uri grpc, RpcChannel admin)
    {
        var (bus, token) = await RegisterAsync(admin, disableSafety: false);
        using var channel = new RpcChannel(grpc, new() { BearerToken = token });
        var call = new ToolCallIntention("bash", JsonSerializer.SerializeToElement(new { command = "ls -la src && grep -rn TODO src | head" }), "call", "/work", "/home/agent", "/work").ToJson();
        var took = new List<double>();
        for (var i = 0; i < 600; i++)
        {
            var began = Stopwatch.GetTimestamp();
            var intention = await channel.CallAsync(AgentBusMethods.Append, new AppendRequest { AgentBusId = bus, Payload = new() { Intention = new() { StringIntention = call } } });
            var poll = new BlockingPollRequest { AgentBusId = bus, StartLogPosition = intention.LogPosition, MaxEntries = 1, TimeoutMs = 10_000, Filter = new() { PayloadTypes = { SelectivePollType.Commit, SelectivePollType.Abort } } };
            var decision = await channel.CallAsync(AgentBusMethods.BlockingPoll, poll);
            if (decision.Entries is not [{ Payload.Commit: not null }])
            {
                throw new InvalidOperationException($"the rules did not allow it: {decision}");
            }

            if (i >= 100)
            {
                took.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
        }

        return new(took);
    }

    private static async Task<(string Bus, string Token)> RegisterAsync(RpcChannel admin, bool disableSafety)
    {
        var bus = $"bench.{Guid.NewGuid()}";
        return (bus, (await admin.CallAsync(BusAdminMethods.RegisterBus, new() { BusId = bus, DisableSafety = disableSafety })).BusToken);
    }
}
