using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace AgentKernel.Rpc.Tests;

/// <summary>The clients that others wrote. Each runs all its scenarios once; the tests look at the results.</summary>
public sealed class ForeignClients(EchoServer server)
{
    private readonly ConcurrentDictionary<string, Lazy<Task<JsonNode>>> _results = new();

    public static TheoryData<string> All { get; } =
        ["grpc-js", "connect-grpc", "connect-json-http1", "connect-proto-http1", "connect-json-http2", "connect-proto-http2"];

    public static TheoryData<string> Streaming { get; } = ["grpc-js", "connect-grpc"];

    /// <summary>What the client got in the scenario of this name in <c>scenarios.mjs</c>.</summary>
    internal async Task<JsonNode> ResultAsync(string client, string scenario)
    {
        await Node.RequireAsync();
        var results = await _results.GetOrAdd(client, c => new(() => RunAsync(c))).Value;
        return results[scenario] ?? throw new KeyNotFoundException($"{client} has not run {scenario}.");
    }

    private async Task<JsonNode> RunAsync(string client)
    {
        var address = client.EndsWith("http1", StringComparison.Ordinal) ? server.Http1 : server.Http2;
        var output = await ChildProcess.RunAsync("node", ["client.mjs", client, address.ToString(), Node.WriteDescriptorSet()], Node.Directory);
        return JsonNode.Parse(output)!; // the script prints an object
    }
}
