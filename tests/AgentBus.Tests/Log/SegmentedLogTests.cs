using AgentKernel.AgentBus.Log;
using AgentKernel.AgentBus.Log.Durable;

namespace AgentKernel.AgentBus.Tests.Log;

public sealed class SegmentedLogTests : LogContract, IDisposable
{
    private const int SmallSegment = 1024;

    private readonly TemporaryFolder _folder = new();

    internal override IBusLog OpenEmpty() => Open();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Reopen_AfterAppends_HasThemAllAndGoesOn()
    {
        await AppendAsync(100);

        await using var log = Open();

        Assert.Equal(100, log.Tail);
        Assert.Equal(Texts(100), All(log));
        Assert.Equal(100, await log.AppendAsync(Entries.Input("100"), Patience.Token));
        Assert.True(Files().Count > 3, "the segments were to be small");
        Assert.All(Files(), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
    }

    [Fact]
    public async Task Reopen_CutAtEveryByteOfTheLastRecord_KeepsAllBeforeIt()
    {
        await AppendAsync(3, segmentBytes: 1 << 20);
        var file = Assert.Single(Files());
        var whole = await File.ReadAllBytesAsync(file);
        var last = whole.Length / 3 * 2;

        for (var length = last; length < whole.Length; length++)
        {
            await File.WriteAllBytesAsync(file, whole[..length]);
            await using var log = Open(1 << 20);
            Assert.Equal(Texts(2), All(log));
            Assert.Equal(length - last, log.TornBytes);
            Assert.Equal(2, await log.AppendAsync(Entries.Input("2"), Patience.Token));
        }
    }

    [Fact]
    public async Task Reopen_AnyByteOfTheLastRecordChanged_CutsItOff()
    {
        await AppendAsync(3, segmentBytes: 1 << 20);
        var file = Assert.Single(Files());
        var whole = await File.ReadAllBytesAsync(file);

        for (var at = whole.Length / 3 * 2; at < whole.Length; at++)
        {
            var changed = whole.ToArray();
            changed[at] ^= 0x10;
            await File.WriteAllBytesAsync(file, changed);
            await using var log = Open(1 << 20);
            Assert.Equal(Texts(2), All(log));
        }
    }

    [Fact]
    public async Task Reopen_AnEntryDamagedThatLaterWritesFollow_IsRefusedAndLeftAsItIs()
    {
        await AppendAsync(5, segmentBytes: 1 << 20);
        var file = Assert.Single(Files());
        var bytes = await File.ReadAllBytesAsync(file);
        bytes[(bytes.Length / 5) + 44] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);

        var exception = Assert.Throws<BusLogException>(() => Open(1 << 20));

        Assert.Contains("entry 1", exception.Message);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(file));
    }

    [Fact]
    public async Task Reopen_AFileMissingInTheMiddle_IsRefused()
    {
        await AppendAsync(100);
        File.Delete(Files()[2]);

        Assert.Contains("lacks the entries", Assert.Throws<BusLogException>(() => Open()).Message);
    }

    [Fact]
    public async Task Reopen_AnEarlierFileCutOff_IsRefused()
    {
        await AppendAsync(100);
        var earlier = Files()[1];
        await File.WriteAllBytesAsync(earlier, (await File.ReadAllBytesAsync(earlier))[..^7]);

        Assert.Throws<BusLogException>(() => Open());
    }

    [Fact]
    public async Task Reopen_ANewFileThatGotNothing_GoesOnInIt()
    {
        await AppendAsync(2);
        await File.WriteAllBytesAsync(Path.Combine(_folder.Path, "log", $"{2:D20}.log"), []);

        await using var log = Open();

        Assert.Equal(2, await log.AppendAsync(Entries.Input("2"), Patience.Token));
        Assert.Equal(Texts(3), All(log));
    }

    [Fact]
    public async Task Read_AnEntryDamagedSinceItWasOpened_IsAnErrorAndNotAnEntry()
    {
        await using var log = Open(1 << 20);
        for (var i = 0; i < 3; i++)
        {
            await log.AppendAsync(Entries.Input($"{i}"), Patience.Token);
        }

        await using (var file = new FileStream(Assert.Single(Files()), FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.Position = 60;
            file.WriteByte(0xFF);
        }

        Assert.Throws<BusLogException>(() => All(log));
    }

    [Fact]
    public async Task DropBefore_DropsWholeFilesAndKeepsTheRest()
    {
        await AppendAsync(100);
        await using (var log = Open())
        {
            var keep = log.FirstToKeep(maxBytes: 3 * SmallSegment, notBefore: null);
            Assert.InRange(keep, 1, 99);

            log.DropBefore(keep);

            Assert.Equal(keep, log.First);
            Assert.Equal(Texts(100).Skip((int)keep), All(log));
            Assert.Equal(keep, log.FirstToKeep(maxBytes: 1 << 20, notBefore: DateTimeOffset.UnixEpoch));
        }

        await using var again = Open();
        Assert.Equal(Texts(100).Skip((int)again.First), All(again));
        Assert.Equal(100, again.Tail);
        Assert.Equal(again.FirstToKeep(0, null), again.FirstToKeep(null, DateTimeOffset.MaxValue)); // all but the file that is written
    }

    [Fact]
    public async Task Append_NoRoomLeft_FailsAndGoesOnWhenThereIs()
    {
        var log = Open(SmallSegment);
        await log.AppendAsync(Entries.Input(new string('x', 2 * SmallSegment)), Patience.Token);
        // The next append begins a new file, whose name is taken: the file system refuses, as it would when it is full.
        var obstacle = Path.Combine(_folder.Path, "log", $"{1:D20}.log");
        Directory.CreateDirectory(obstacle);
        await Assert.ThrowsAsync<BusLogException>(async () => await log.AppendAsync(Entries.Input("1"), Patience.Token));
        Assert.Equal(1, log.Tail);

        Directory.Delete(obstacle);

        Assert.Equal(1, await log.AppendAsync(Entries.Input("1"), Patience.Token));
        await log.DisposeAsync();
    }

    private SegmentedLog Open(int segmentBytes = SmallSegment) => SegmentedLog.Open(_folder.Combine("log"), segmentBytes, TimeProvider.System);

    private async Task AppendAsync(int count, int segmentBytes = SmallSegment)
    {
        await using var log = Open(segmentBytes);
        foreach (var text in Texts(count))
        {
            await log.AppendAsync(Entries.Input(text), Patience.Token);
        }
    }

    private List<string> Files() => [.. Directory.EnumerateFiles(_folder.Combine("log")).Order()];

    private static IEnumerable<string> Texts(int count) => Enumerable.Range(0, count).Select(i => $"{i}");

    private static IEnumerable<string> All(SegmentedLog log) => log.Read(0, long.MaxValue, int.MaxValue, PayloadKinds.All).Entries.Select(Entries.Text);
}
