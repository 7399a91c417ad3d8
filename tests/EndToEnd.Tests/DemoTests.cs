namespace AgentKernel.EndToEnd.Tests;

public sealed class DemoTests
{
    [Fact]
    public async Task SimpleAgent_WithoutKey_UsesAToolAndCleansUp()
    {
        var run = (await ProgramRun.RunAsync(Repository.Cli, ["demo", "simple-agent"])).Succeeded();

        Assert.Contains("scripted model", run.Output, StringComparison.Ordinal);
        Assert.Contains("set LLM_API_KEY", run.Output, StringComparison.Ordinal);
        Assert.Contains($"Linux {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}", run.Output, StringComparison.Ordinal); // what the tool printed
        Assert.Contains("Its workspace is gone.", run.Output, StringComparison.Ordinal);
        Assert.Empty(run.Error);
    }

    [Fact]
    public async Task SimpleAgent_AsJson_PrintsOneEventALine()
    {
        var run = (await ProgramRun.RunAsync(Repository.Cli, ["demo", "simple-agent", "--json"])).Succeeded();

        var events = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => System.Text.Json.Nodes.JsonNode.Parse(line)!).ToList();
        Assert.Contains(events, happened => (string?)happened["event"]?["type"] == "tool_call");
        Assert.True((bool)events[^1]["done"]!);
    }

    [Theory]
    [InlineData("local")]
    [InlineData("bwrap")]
    public async Task TeamScenario_WithoutKey_RunsTheHelperAndNamesTheSpeakers(string backend)
    {
        var run = await ProgramRun.RunAsync(Repository.Cli, ["demo", "team-scenario", "--backend", backend]);
        Assert.SkipWhen(backend == "bwrap" && run.Error.Contains("bwrap", StringComparison.Ordinal) && Environment.GetEnvironmentVariable("CI") is null, run.Error);
        run.Succeeded();

        Assert.Contains("Team readers is reserved: 3 agents", run.Output, StringComparison.Ordinal);
        Assert.Contains("[architect] worker-2: Measure the text 'shore' with textstat.", run.Output, StringComparison.Ordinal);
        Assert.Contains("[worker-1] (bash: textstat tide)", run.Output, StringComparison.Ordinal);
        Assert.Contains("[worker-1] 3 lines, 19 words, longest word: unhurriedly", run.Output, StringComparison.Ordinal); // what the helper printed
        Assert.Contains("[worker-2] 2 lines, 9 words, longest word: footprints", run.Output, StringComparison.Ordinal);
        Assert.Contains("[architect] > 3 lines, 19 words, longest word: unhurriedly", run.Output, StringComparison.Ordinal); // summed up
        Assert.EndsWith("3 agents, the team, the image and 1 blob are cleaned up.\n", run.Output, StringComparison.Ordinal);
        Assert.Empty(run.Error);
    }

    [Theory]
    [InlineData("FanOut", "(6 agents cleaned up)", "What does poetry say of rain?")]
    [InlineData("Pipeline", "analyst: Analyse this:", "Gather facts about rain.")]
    public async Task Example_WithTheScriptedModel_Runs(string example, string expected, string alsoExpected)
    {
        var run = (await ProgramRun.RunAsync(Repository.Program(example, $"AgentKernel.{example}"), ["rain"])).Succeeded();

        Assert.Contains(expected, run.Output, StringComparison.Ordinal);
        Assert.Contains(alsoExpected, run.Output, StringComparison.Ordinal);
    }
}
