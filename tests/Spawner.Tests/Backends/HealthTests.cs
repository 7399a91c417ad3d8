using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Backends;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>Programs that are ready by their answer to GET /health, and those whose answer is none.</summary>
public sealed class HealthTests : IDisposable
{
    private readonly LocalFixture _local = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _local.Dispose();

    [Theory]
    [InlineData(AgentListener.HttpPort)]
    [InlineData(AgentListener.UnixSocket)]
    public async Task Health_OfTheRightAgent_MakesItReady(AgentListener listener)
    {
        var spec = Spec(listener, "good", TimeSpan.FromSeconds(60));
        var agent = await _local.NewKernel().StartAsync(spec, Cancellation);
        Assert.Equal(listener is AgentListener.HttpPort, agent.Endpoint.Http is not null);
        Assert.Equal("127.0.0.1", agent.Endpoint.Http?.Host ?? "127.0.0.1");
        await agent.StopAsync(TimeSpan.FromSeconds(30));
        Assert.Empty(_local.Leftovers(spec));
    }

    [Fact]
    public async Task Health_AnsweredWrongly_IsSaidWhenTheStartTimesOut()
    {
        var said = new Dictionary<string, string>
        {
            ["garbage"] = "was not answered in HTTP",
            ["html"] = "is not JSON",
            ["unavailable"] = "status 503",
            ["stranger"] = "without this agent's agent_id",
            ["redirect"] = "status 302",
            ["endless"] = "at most 65536 bytes",
        };
        var kernel = _local.NewKernel();
        await Task.WhenAll(said.Select(async pair =>
        {
            // Long enough for node to come up on a busy machine: the wrong answer is what is looked for.
            var spec = Spec(AgentListener.HttpPort, pair.Key, TimeSpan.FromSeconds(8));
            var failure = await Assert.ThrowsAsync<AgentStartException>(() => kernel.StartAsync(spec, Cancellation));
            Assert.Contains("not ready within 8 s: GET /health", failure.Message, StringComparison.Ordinal);
            Assert.Contains(pair.Value, failure.Message, StringComparison.Ordinal);
            Assert.Empty(_local.Leftovers(spec));
        }));
    }

    private AgentSpec Spec(AgentListener listener, string behaviour, TimeSpan timeout)
    {
        var spec = _local.Spec(HttpAgent.Type(listener), timeout);
        spec.Config["behaviour"] = behaviour;
        return spec;
    }
}

/// <summary>The agent of <c>http-agent.js</c>.</summary>
internal static class HttpAgent
{
    public static AgentType Type(AgentListener listener = AgentListener.HttpPort) => new()
    {
        Name = "http",
        Command = [Machine.Program("node"), Path.Combine(AppContext.BaseDirectory, "http-agent.js")],
        Listen = listener,
        Ready = AgentReadiness.Health,
    };
}
