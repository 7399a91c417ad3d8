using System.Text.Json;
using AgentKernel.AgentBus.Voters.Rules;

namespace AgentKernel.AgentBus.Tests.Rules;

/// <summary>The lines of the corpus, and the place that they were written for.</summary>
internal static class Corpus
{
    public static AgentPlace Place { get; } = new("/home/dev/project", "/home/dev", "/home/dev/project");

    public static IReadOnlyList<string> Destructive { get; } = Read("destructive.txt");

    public static IReadOnlyList<string> Benign { get; } = Read("benign.txt");

    public static RuleVerdict Judge(string line) => Judge(RuleSet.Default, line);

    public static RuleVerdict Judge(RuleSet rules, string line) => rules.Judge("bash", JsonSerializer.Serialize(new { command = line }), Place);

    private static List<string> Read(string name) =>
        [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Corpus", name))
            .Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line.Replace('␤', '\n'))];
}
