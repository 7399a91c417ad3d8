using AgentKernel.AgentBus.Voters.Rules;

namespace AgentKernel.AgentBus.Tests.Rules;

/// <summary>The shipped rules against command lines that were written before and apart from them.</summary>
public sealed class CorpusTests(ITestOutputHelper output)
{
    private const double MostWronglyStopped = 0.02;

    [Fact]
    public void Corpus_IsAsLargeAsPromised()
    {
        Assert.InRange(Corpus.Destructive.Distinct().Count(), 150, int.MaxValue);
        Assert.InRange(Corpus.Benign.Distinct().Count(), 300, int.MaxValue);
    }

    [Fact]
    public void DefaultRules_DestructiveLines_AllAreStopped()
    {
        var missed = Corpus.Destructive.Where(line => Corpus.Judge(line).Decision == RuleDecision.Allow).ToList();

        output.WriteLine($"stopped {Corpus.Destructive.Count - missed.Count} of {Corpus.Destructive.Count} destructive or exfiltrating lines");
        Assert.True(missed.Count == 0, $"not stopped:\n{string.Join('\n', missed)}");
    }

    [Fact]
    public void DefaultRules_BenignLines_HardlyAnyIsStopped()
    {
        var stopped = Corpus.Benign.Select(line => (line, verdict: Corpus.Judge(line))).Where(each => each.verdict.Decision != RuleDecision.Allow).ToList();

        output.WriteLine($"wrongly stopped {stopped.Count} of {Corpus.Benign.Count} benign lines");
        Assert.True(stopped.Count <= MostWronglyStopped * Corpus.Benign.Count,
            $"wrongly stopped:\n{string.Join('\n', stopped.Select(each => $"{each.line}   ({each.verdict.Reason})"))}");
    }

    [Fact]
    public void DefaultRules_EveryStop_HasAReasonForPeople()
    {
        foreach (var line in Corpus.Destructive)
        {
            var reason = Corpus.Judge(line).Reason;
            Assert.True(reason.Length > 10 && !reason.Contains('{', StringComparison.Ordinal) && !reason.Any(c => c is >= '\uE000' and <= '\uE0FF'), $"{line}: {reason}");
        }
    }

    /// <summary>Hiding a line in another one must not get it through, whichever line and whichever way.</summary>
    [Theory]
    [MemberData(nameof(Disguises))]
    public void DefaultRules_DisguisedDestructiveLines_StayStopped(string name, string form)
    {
        // Programs that put names in the place of {} do so in the whole line, which makes another one of it.
        var lines = Corpus.Destructive.Where(line => !form.Contains("{}", StringComparison.Ordinal) || !line.Contains("{}", StringComparison.Ordinal)).ToList();
        var missed = lines.Where(line => Corpus.Judge(Disguise(form, line)).Decision == RuleDecision.Allow).ToList();

        output.WriteLine($"{name}: stopped {lines.Count - missed.Count} of {lines.Count}");
        Assert.True(missed.Count == 0, $"not stopped, {name}:\n{string.Join('\n', missed)}");
    }

    public static TheoryData<string, string> Disguises => new()
    {
        { "behind another", "ls src; LINE" },
        { "after a success", "true && {\nLINE\n}" },
        { "in a subshell", "(\nLINE\n)" },
        { "in a condition", "if [ -d src ]; then\nLINE\nfi" },
        { "in a loop", "for i in 1; do\nLINE\ndone" },
        { "in a function", "f() {\nLINE\n}; f" },
        { "for another shell", "bash -c QUOTED" },
        { "for a shell twice", "sh -c TWICE" },
        { "evaluated", "eval QUOTED" },
        { "from a variable", "c=QUOTED; eval \"$c\"" },
        { "encoded", "echo BASE64 | base64 -d | sh" },
        { "encoded and substituted", "bash <(base64 -d <<< BASE64)" },
        { "substituted", "echo \"$(\nLINE\n)\"" },
        { "printed for a shell", "printf '%s\\n' QUOTED | bash" },
        { "from a file", "printf '%s\\n' QUOTED > /tmp/x.sh; bash /tmp/x.sh" },
        { "under a limit", "timeout 5 bash -c QUOTED" },
        { "with other rights", "env X=1 nice bash -c QUOTED" },
        { "for each of a list", "echo x | xargs -I{} bash -c QUOTED" },
        { "for each file", "find . -name x -exec bash -c QUOTED {} \\;" },
        { "in python", "python3 -c PYTHON" },
    };

    private static string Quote(string text) => "'" + text.Replace("'", "'\\''", StringComparison.Ordinal) + "'";

    private static string Disguise(string form, string line)
    {
        var quoted = Quote(line);
        var encoded = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(line));
        var python = $"import os\nos.system(\"{line.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\")";
        return form.Replace("QUOTED", quoted, StringComparison.Ordinal).Replace("BASE64", encoded, StringComparison.Ordinal)
            .Replace("PYTHON", Quote(python), StringComparison.Ordinal).Replace("TWICE", Quote("exec bash -c " + quoted), StringComparison.Ordinal)
            .Replace("LINE", line, StringComparison.Ordinal);
    }
}
