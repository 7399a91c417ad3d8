using AgentKernel.AgentGateway.Tests.Peers;

namespace AgentKernel.AgentGateway.Tests;

public sealed class ActivityTests : GatewayTest
{
    [Fact]
    public async Task Turn_BeginAndEnd_AreReported()
    {
        var (events, call) = await BeginTurnAsync();
        Assert.Equal((Owned.Id, true), await ReportAsync());

        await call.DoneAsync();
        await events.DoneAsync();

        Assert.Equal((Owned.Id, false), await ReportAsync());
    }

    [Fact]
    public async Task Report_SpawnerFails_TheLatestNewsComesLater()
    {
        Spawner.RefuseReports = true;
        var (events, call) = await BeginTurnAsync();
        await Gateway.Log.SeenAsync("The spawner cannot be told");
        await call.DoneAsync();
        await events.DoneAsync();

        Spawner.RefuseReports = false;

        Assert.Equal((Owned.Id, false), await ReportAsync());
    }

    [Fact]
    public async Task SpawnerRestarts_RunningTurnsAreReportedAgain()
    {
        var (events, call) = await BeginTurnAsync();
        Assert.Equal((Owned.Id, true), await ReportAsync());

        await Spawner.StopAsync();
        await Spawner.ListenAsync();

        Assert.Equal((Owned.Id, true), await ReportAsync());
        await call.DoneAsync();
        await events.DoneAsync();
    }

    private async Task<(string Id, bool Running)> ReportAsync()
    {
        var report = await Spawner.ReportAsync();
        return (report.AgentId, report.TurnRunning);
    }
}
