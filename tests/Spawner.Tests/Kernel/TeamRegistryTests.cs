using AgentKernel.Rpc;
using AgentKernel.Spawner.Teams;
using Microsoft.Extensions.Logging.Abstractions;

namespace AgentKernel.Spawner.Tests.Kernel;

/// <summary>The moments of a team that calls from outside cannot hit at will.</summary>
public sealed class TeamRegistryTests : IDisposable
{
    private static readonly ResourceAmounts One = new(null, null, 1);

    private readonly TemporaryHome _home = new();
    private readonly LockedDataDirectory _lock;
    private readonly TeamRegistry _teams;

    public TeamRegistryTests()
    {
        _lock = new(_home.Directory);
        _teams = NewKernel();
    }

    public void Dispose()
    {
        _lock.Dispose();
        _home.Dispose();
    }

    [Fact]
    public void Lease_TakenJustBeforeItsTeamIsClosed_IsRefusedAfterwards()
    {
        _teams.Create("red", One);
        using var lease = _teams.Take("red", One);
        lease.RequireOpenTeam();
        _teams.Close("red");
        Assert.Equal(RpcStatusCode.FailedPrecondition, Assert.Throws<RpcException>(lease.RequireOpenTeam).Code);
        Assert.Equal(RpcStatusCode.FailedPrecondition, Assert.Throws<RpcException>(() => _teams.Take("red", One)).Code);
    }

    [Fact]
    public void Remove_OfATeamThatWasMadeAnew_LeavesTheNewOne()
    {
        _teams.Create("red", One);
        var (closed, again) = (_teams.Close("red"), _teams.Close("red")); // two callers delete it
        _teams.Remove(closed);
        _teams.Create("red", new(null, null, 7));
        _teams.Remove(again);
        Assert.Equal(7, _teams.Get("red").Capacity.Agents);
    }

    [Fact]
    public void Lease_DisposedOfTwice_GivesItsShareBackOnce()
    {
        _teams.Create("red", new(null, null, 2));
        var (lease, _) = (_teams.Take("red", One), _teams.Take("red", One));
        lease.Dispose();
        lease.Dispose();
        Assert.Equal(1, _teams.Get("red").Used.Agents);
    }

    [Fact]
    public void Teams_AreReadBack_WithTheirCapacity()
    {
        _teams.Create("red", new(1.5, 1024, 2));
        var team = NewKernel().Get("red");
        Assert.Equal((1.5, 1024L, 2), (team.Capacity.Cpu, team.Capacity.MemoryBytes, team.Capacity.Agents));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"Id\":\"gre")]
    [InlineData("null")]
    [InlineData("{}")]
    public void Team_WhoseFileIsDamaged_IsPassedOverAndTheOthersAreThere(string content)
    {
        _teams.Create("green", One);
        _teams.Create("red", One);
        File.WriteAllText(_home.Directory.Combine("teams", "green.json"), content);
        Assert.Equal(["red"], NewKernel().List().Select(team => team.Id));
    }

    private TeamRegistry NewKernel() => new(_lock, new SpawnerOptions(), TimeProvider.System, NullLogger<TeamRegistry>.Instance);
}
