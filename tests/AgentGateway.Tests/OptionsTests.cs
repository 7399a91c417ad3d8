using Microsoft.Extensions.DependencyInjection;

namespace AgentKernel.AgentGateway.Tests;

public sealed class OptionsTests
{
    private static readonly AgentGatewayOptions Good = new() { Spawner = new("http://127.0.0.1:7080"), ServiceToken = "t" };

    public static TheoryData<AgentGatewayOptions, string> Wrong() => new()
    {
        { Good with { Spawner = null }, "AgentGateway:Spawner" },
        { Good with { Spawner = new("ftp://host") }, "AgentGateway:Spawner" },
        { Good with { Spawner = new("host", UriKind.Relative) }, "AgentGateway:Spawner" },
        { Good with { ServiceToken = " " }, "AgentGateway:ServiceToken" },
        { Good with { TurnIdleTimeout = TimeSpan.Zero }, "AgentGateway:TurnIdleTimeout" },
        { Good with { TurnTimeout = TimeSpan.FromSeconds(-1) }, "AgentGateway:TurnTimeout" },
        { Good with { Heartbeat = TimeSpan.Zero }, "AgentGateway:Heartbeat" },
        { Good with { MaxRequestBytes = 10 }, "AgentGateway:MaxRequestBytes" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Options_OneIsWrong_TheErrorNamesItsKey(AgentGatewayOptions options, string key)
    {
        var error = Assert.Throws<InvalidOperationException>(() => new ServiceCollection().AddAgentGateway(options));

        Assert.Contains(key, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_Good_HaveNoProblems() => Assert.Empty(Good.Problems());

    [Fact]
    public void Options_AddressElsewhere_NeedNone() => Assert.Empty((Good with { Spawner = null }).Problems(addressElsewhere: true));
}
