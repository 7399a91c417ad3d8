using System.Text;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>After agents have come and gone, nothing of them is left.</summary>
public sealed class LeakTests
{
    private const int AtOnce = 20;
    private const int Cycles = 200;

    [Fact]
    public async Task Agents_ManyAtOnceAndManyInARow_LeaveNothing()
    {
        await using var kernel = await RunningKernel.StartAsync();
        await CycleAsync(kernel, AtOnce); // what the kernel makes once and keeps
        var descriptors = Descriptors(kernel);

        await CycleAsync(kernel, AtOnce);
        for (var cycle = 0; cycle < Cycles - AtOnce; cycle += 4)
        {
            await CycleAsync(kernel, 4);
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(kernel.Home, "agents")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(kernel.Home, "run")));
        Assert.Empty(ProcessesNaming(kernel.Home));
        Assert.InRange(Descriptors(kernel), 0, descriptors + 8); // connections of the client and the runtime's own come and go
        Assert.Equal(0, (await kernel.Client.Spawner.GetTeamAsync("probe", TestContext.Current.CancellationToken)).Used.Agents);
    }

    private static async Task CycleAsync(RunningKernel kernel, int count)
    {
        var cancelled = TestContext.Current.CancellationToken;
        if ((await kernel.Client.Spawner.ListTeamsAsync(cancelled)).Count == 0)
        {
            await kernel.Client.Spawner.CreateTeamAsync("probe", new() { Agents = AtOnce }, cancelled);
        }

        await Task.WhenAll(Enumerable.Range(0, count).Select(async number =>
        {
            var agent = await kernel.SpawnAsync($"cycle-{number}", change: request => request.TeamId = "probe");
            Assert.Equal("hello", await kernel.Client.AskAsync(agent, "hello", cancelled));
            await kernel.Client.Spawner.KillAsync(agent, cancelled);
        }));
    }

    private static int Descriptors(RunningKernel kernel) => Directory.EnumerateFileSystemEntries($"/proc/{kernel.ProcessId}/fd").Count();

    // An agent's processes name its folder: in their command line, or as their working directory.
    private static IEnumerable<string> ProcessesNaming(string home) => Directory.EnumerateDirectories("/proc")
        .Where(folder => int.TryParse(Path.GetFileName(folder), out _))
        .Select(folder =>
        {
            try
            {
                return $"{Encoding.UTF8.GetString(File.ReadAllBytes($"{folder}/cmdline"))} {new DirectoryInfo($"{folder}/cwd").LinkTarget}";
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                return "";
            }
        })
        .Where(text => text.Contains($"{home}/agents", StringComparison.Ordinal));
}
