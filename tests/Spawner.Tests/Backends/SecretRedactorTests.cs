using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>The tail of a log at every place where it can begin: no piece of a secret is in it.</summary>
public sealed class SecretRedactorTests : IDisposable
{
    private const int MaxBytes = 256;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ak-redactor-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Tail_OfManySecrets_ShowsNoPieceOfAny()
    {
        var (letters, digits) = ("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789-9876543210");
        for (var shift = 0; shift <= letters.Length + digits.Length; shift++)
        {
            var tail = Tail(string.Concat(Enumerable.Repeat(letters + digits, 50)) + new string('#', shift), [letters, digits]);
            Assert.Equal("", tail.Replace("[redacted]", "", StringComparison.Ordinal).Trim('#', '[', ']', 'r', 'e', 'd', 'a', 'c', 't'));
            Assert.InRange(tail.Length, 1, MaxBytes);
            Assert.EndsWith(new string('#', shift), tail, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("#")]
    [InlineData("####")]
    public void Tail_OfShortSecrets_IsNoLongerThanAllowed(string end)
    {
        var tail = Tail(string.Concat(Enumerable.Repeat("secret", 100)) + end, ["secret"]);
        Assert.DoesNotContain("secret", tail, StringComparison.Ordinal);
        Assert.InRange(tail.Length, 1, MaxBytes);
    }

    [Fact]
    public void Tail_ThatBeginsInsideAVendorsKey_BeginsBehindIt() =>
        Assert.Equal(new string('#', MaxBytes - 10), Tail($"sk-ant-{new string('k', 60)}{new string('#', MaxBytes - 10)}", []));

    [Fact]
    public void Tail_WithoutSecrets_IsTheLastBytesAtAWholeCharacter()
    {
        var tail = Tail("x" + string.Concat(Enumerable.Repeat("\U0001F600", 100)) + "y", ["not there"]);
        Assert.Equal(string.Concat(Enumerable.Repeat("\U0001F600", 63)) + "y", tail);
    }

    private string Tail(string log, IReadOnlyCollection<string> secrets)
    {
        File.WriteAllText(Path.Combine(_folder.FullName, AgentLog.CurrentFile), log);
        return SecretRedactor.Tail(new AgentLog(_folder.FullName), secrets, MaxBytes);
    }
}
