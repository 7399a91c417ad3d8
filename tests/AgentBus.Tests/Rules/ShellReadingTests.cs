using System.Diagnostics;
using AgentKernel.AgentBus.Voters.Rules;
using FsCheck;
using FsCheck.Fluent;

namespace AgentKernel.AgentBus.Tests.Rules;

/// <summary>Whatever a model writes: reading it ends, quickly and without a failure.</summary>
public sealed class ShellReadingTests
{
    private static readonly string[] s_pieces =
        ["rm", "-rf", "/", "~", " ", " ", "\n", ";", "&&", "||", "|", "&", "(", ")", "{", "}", "$(", "`", "${", "$((", "))", "((", "'", "\"", "\\", "$x", "${x:-", "${x//a/b}",
         "<<EOF", "\nEOF\n", "<<<", "<(", ">(", ">", ">>", "<", "2>&1", "x=", "a=(", "if", "then", "fi", "for i in", "do", "done", "while", "case x in", "esac", ";;", "f()", "[[", "]]", "=~",
         "eval", "bash -c", "xargs", "find . -exec", "\\;", "{a,b}", "{1..9}", "*", "?", "[a-z]", "!", "#", "echo", "base64 -d", "python3 -c", "$'\\x41'", "$@", "\uE000", "\uD800", "\0", "@(a|b)", "env -S"];

    [Fact]
    public void Judge_AnyText_GivesAVerdict() =>
        Prop.ForAll(ArbMap.Default.ArbFor<string>(), text => Corpus.Judge(text ?? "").Reason.Length > 0)
            .Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));

    [Fact]
    public void Judge_AnyPiecesOfShell_GivesAVerdict() =>
        Prop.ForAll(Gen.ListOf(Gen.Elements(s_pieces)).Select(string.Concat).ToArbitrary(), text => Corpus.Judge(text).Reason.Length > 0)
            .Check(Config.QuickThrowOnFailure.WithMaxTest(3_000).WithEndSize(60));

    [Fact]
    public void Judge_CorpusWithAnythingCutOut_GivesAVerdict()
    {
        var lines = Corpus.Destructive.Concat(Corpus.Benign).ToArray();
        var cuts = from line in Gen.Elements(lines)
                   from start in Gen.Choose(0, line.Length)
                   from length in Gen.Choose(0, line.Length - start)
                   select line.Remove(start, length);
        Prop.ForAll(cuts.ToArbitrary(), text => Corpus.Judge(text).Reason.Length > 0).Check(Config.QuickThrowOnFailure.WithMaxTest(3_000));
    }

    /// <summary>Texts that make a careless reader go back again and again, or grow. Each is as long as a call may be, or nearly.</summary>
    [Theory]
    [InlineData("(", "", 200_000)]
    [InlineData("$(", "", 100_000)]
    [InlineData("$((", "", 100_000)]
    [InlineData("((", "", 100_000)]
    [InlineData("`", "", 100_000)]
    [InlineData("\\`", "", 100_000)]
    [InlineData("\"$(", "", 50_000)]
    [InlineData("${x:-", "", 50_000)]
    [InlineData("${a", "", 50_000)]
    [InlineData("{a,b}", "", 20_000)]
    [InlineData("{", "", 100_000)]
    [InlineData("a=$a$a;", "", 20_000)]
    [InlineData("x=$(echo $x$x);", "", 20_000)]
    [InlineData("cat <<E;", "\n", 10_000)]
    [InlineData("eval ", "", 50_000)]
    [InlineData("sudo ", "", 50_000)]
    [InlineData("f(){ f;f; };", "f", 20_000)]
    [InlineData("while true; do ", "", 20_000)]
    [InlineData("echo a | ", "cat", 20_000)]
    [InlineData("rm ************************ ", "", 10_000)]
    [InlineData("cat ?*?*?*?*?*?*?*?*.pem ", "", 10_000)]
    [InlineData("$x[", "", 50_000)]
    [InlineData("[[ a =~ ((((", "", 20_000)]
    [InlineData("$[", "", 50_000)]
    [InlineData("a ", "", 400_000)]
    [InlineData("/a", "", 400_000)]
    [InlineData("*", "", 400_000)]
    [InlineData("\n", "", 900_000)]
    [InlineData("#\n", "", 400_000)]
    [InlineData("'a'", "", 200_000)]
    public void Judge_AwkwardText_EndsSoon(string piece, string last, int count)
    {
        var text = string.Concat(Enumerable.Repeat(piece, count)) + last;
        var start = Stopwatch.GetTimestamp();

        var verdict = Corpus.Judge(text);

        // A quadratic reader takes minutes for these; the bound leaves room for a busy machine.
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(20), $"{piece}: {Stopwatch.GetElapsedTime(start)}");
        Assert.NotEmpty(verdict.Reason);
    }
}
