using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Tests.Processes;

/// <summary>The moments that agents do not hit at will.</summary>
public sealed class ProcessExitWatcherTests
{
    [Fact]
    public async Task Watch_FromManySidesWhileProcessesEnd_TellsEachAndGoesOn()
    {
        using var watcher = new ProcessExitWatcher();
        for (var round = 0; round < 200; round++)
        {
            var pid = ProcessLauncher.Start(new("/bin/true", [], new Dictionary<string, string>(), "/"));
            var process = new ProcessIdentity(pid, ProcessStat.Read(pid)!.Value.StartTime); // not reaped before it is watched
            var told = Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => watcher.WatchAsync(process))));
            await Waiting.ForAsync(told, $"the end of process {pid}, round {round}", () => "");
            Assert.False(process.IsAlive);
        }
    }
}
