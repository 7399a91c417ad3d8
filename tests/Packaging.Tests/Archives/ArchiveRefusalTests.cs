using System.Formats.Tar;
using System.IO.Compression;
using AgentKernel.Packaging.Archives;

namespace AgentKernel.Packaging.Tests.Archives;

public sealed class ArchiveRefusalTests : IDisposable
{
    private readonly TemporaryFolder _temporary = new();

    public static TheoryData<string, string, string> Archives => new()
    {
        { "dots", "../escape", "contains '..'" },
        { "dots inside", "a/../../escape", "contains '..'" },
        { "absolute", "/etc/passwd", "absolute" },
        { "link up", "up", "outside the archive" },
        { "link through a later link", "out", "outside the archive" },
        { "link absolute", "passwd", "absolute" },
        { "file through a link", "sub/file", "goes through the link 'sub'" },
        { "file through a file", "name/file", "goes through 'name', which is a file" },
        { "hard link up", "hard", "outside the archive" },
        { "hard link absolute", "hard", "outside the archive" },
        { "hard link to a link", "hard", "no file that stands before it" },
        { "circle", "a", "circle" },
        { "device", "null", "device" },
        { "pipe", "pipe", "pipe" },
        { "twice", "name", "twice" },
        { "twice by dots", "name", "twice" },
        { "case", "NAME", "differs only in case from 'name'" },
        { "case of a folder", "Sub/other", "folder differs only in case from 'sub'" },
        { "case beyond ASCII", "Ä", "differs only in case from 'ä'" },
        { "long name", "nnn", "longer than 255 bytes" },
        { "control character", "'a\\x1bb'", "twice" },
    };

    [Theory]
    [MemberData(nameof(Archives))]
    public async Task Extract_HostileEntry_IsRefusedByNameAndLeavesNothing(string which, string entry, string why)
    {
        using var tar = Make(which);
        var folder = _temporary.Combine("out");

        var refusal = await Assert.ThrowsAsync<ArchiveException>(() => ArchiveExtractor.ExtractAsync(tar.Stream(), folder, ArchiveLimits.Default, default));

        Assert.Contains(entry, refusal.Message);
        Assert.Contains(why, refusal.Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_temporary.Path));
        var again = await Assert.ThrowsAsync<ArchiveException>(() => ArchiveExtractor.CheckAsync(tar.Stream(), ArchiveLimits.Default, default));
        Assert.Equal(refusal.Message, again.Message);
    }

    [Fact]
    public async Task Extract_BillionByteBomb_StopsAtTheLimit()
    {
        var zipped = new MemoryStream();
        await using (var gzip = new GZipStream(zipped, CompressionLevel.Fastest, leaveOpen: true))
        {
            var writer = new ArchiveWriter(gzip);
            await writer.WriteAsync(ArchiveEntry.File("zeros", 1_000_000_000), new Zeros(1_000_000_000), default);
            await writer.CompleteAsync(default);
        }

        zipped.Position = 0;
        await using var archive = await ArchiveStream.OpenAsync(zipped, default);
        var refusal = await Assert.ThrowsAsync<ArchiveException>(() =>
            ArchiveExtractor.ExtractAsync(archive, _temporary.Combine("out"), new(MaxBytes: 100_000_000), default));

        Assert.Contains("'zeros'", refusal.Message);
        Assert.Contains("more than 100000000 bytes", refusal.Message);
        Assert.True(zipped.Position < 1_000_000, "it read on after the refusal");
    }

    [Fact]
    public async Task Extract_BombOfHardLinks_CountsEveryCopy()
    {
        using var tar = new HostileTar();
        tar.File("a", new string('x', 1000)).HardLink("b", "a").HardLink("c", "b");

        var refusal = await Assert.ThrowsAsync<ArchiveException>(() =>
            ArchiveExtractor.ExtractAsync(tar.Stream(), _temporary.Combine("out"), new(MaxBytes: 2500), default));

        Assert.Contains("'c'", refusal.Message);
    }

    [Fact]
    public async Task Check_TwoHundredThousandFiles_AreTooMany()
    {
        using var bytes = new MemoryStream();
        var writer = new ArchiveWriter(bytes);
        for (var i = 0; i < 200_000; i++)
        {
            await writer.WriteAsync(ArchiveEntry.File($"f{i}", 0), Stream.Null, default);
        }

        bytes.Position = 0;
        var refusal = await Assert.ThrowsAsync<ArchiveException>(() => ArchiveExtractor.CheckAsync(bytes, ArchiveLimits.Default, default));

        Assert.Contains("'f100000'", refusal.Message);
        Assert.Contains("more than 100000 entries", refusal.Message);
    }

    [Fact]
    public async Task Check_EndlessHeadersWithoutEntries_AreTooMany()
    {
        using var bytes = new MemoryStream();
        var block = new byte[512];
        for (var i = 0; i < 100; i++)
        {
            TarBlock.Format(block, "g", 'g', 0, 0, null);
            bytes.Write(block);
        }

        bytes.Position = 0;
        await Assert.ThrowsAsync<ArchiveException>(() => ArchiveExtractor.CheckAsync(bytes, new(MaxEntries: 10), default));
    }

    [Fact]
    public async Task Check_HugeExtendedHeader_IsRefusedUnread()
    {
        var block = new byte[512];
        TarBlock.Format(block, "x", 'x', 0, 1L << 32, null);

        var refusal = await Assert.ThrowsAsync<ArchiveException>(() => ArchiveExtractor.CheckAsync(new MemoryStream(block), ArchiveLimits.Default, default));

        Assert.Contains("header of 4294967296 bytes", refusal.Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(512)]
    [InlineData(700)]
    [InlineData(1024)]
    public async Task Check_Truncated_SaysSo(int length)
    {
        using var bytes = new MemoryStream();
        var writer = new ArchiveWriter(bytes);
        await writer.WriteAsync(ArchiveEntry.File("first", 300), new MemoryStream(new byte[300]), default);
        await writer.CompleteAsync(default);

        var refusal = await Assert.ThrowsAsync<ArchiveException>(() =>
            ArchiveExtractor.CheckAsync(new MemoryStream(bytes.ToArray()[..length]), ArchiveLimits.Default, default));

        Assert.Matches("too short|ends too early|ends in the middle", refusal.Message);
    }

    [Fact]
    public async Task Check_SomethingElse_IsNoArchive()
    {
        var refusal = await Assert.ThrowsAsync<ArchiveException>(() =>
            ArchiveExtractor.CheckAsync(new MemoryStream("#!/bin/sh\n"u8.ToArray().Concat(new byte[2000]).ToArray()), ArchiveLimits.Default, default));

        Assert.Equal("this is no tar archive", refusal.Message);
    }

    [Fact]
    public async Task Check_DamagedGzip_SaysSo()
    {
        var damaged = new MemoryStream([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        await using var archive = await ArchiveStream.OpenAsync(damaged, default);

        var refusal = await Assert.ThrowsAsync<ArchiveException>(() => ArchiveExtractor.CheckAsync(archive, ArchiveLimits.Default, default));

        Assert.Contains("compressed data is damaged", refusal.Message);
    }

    public void Dispose() => _temporary.Dispose();

    private static HostileTar Make(string which)
    {
        var tar = new HostileTar();
        return which switch
        {
            "dots" => tar.File("fine").File("../escape"),
            "dots inside" => tar.File("a/../../escape"),
            "absolute" => tar.File("/etc/passwd"),
            "link up" => tar.Folder("sub").SymbolicLink("sub/up", "../../x"),
            // 'out' stays inside by its letters alone: deep/a/b/c/.. But the link that comes later makes c the root.
            "link through a later link" => tar.Folder("deep/a/b").SymbolicLink("out", "deep/a/b/c/..").SymbolicLink("deep/a/b/c", "../../.."),
            "link absolute" => tar.SymbolicLink("passwd", "/etc/passwd"),
            "file through a link" => tar.Folder("real").SymbolicLink("sub", "real").File("sub/file"),
            "file through a file" => tar.File("name").File("name/file"),
            "hard link up" => tar.HardLink("hard", "../other"),
            "hard link absolute" => tar.HardLink("hard", "/etc/passwd"),
            "hard link to a link" => tar.File("real").SymbolicLink("soft", "real").HardLink("hard", "soft"),
            "circle" => tar.SymbolicLink("a", "b").SymbolicLink("b", "a"),
            "device" => tar.Special("null", TarEntryType.CharacterDevice),
            "pipe" => tar.Special("pipe", TarEntryType.Fifo),
            "twice" => tar.File("name").File("name"),
            "twice by dots" => tar.File("name").File("./name"),
            "case" => tar.File("name").File("NAME"),
            "case of a folder" => tar.File("sub/one").File("Sub/other"),
            "case beyond ASCII" => tar.File("ä").File("Ä"),
            "long name" => tar.File(new string('n', 300)),
            "control character" => tar.File("a\u001bb").File("a\u001bb"),
            _ => throw new ArgumentOutOfRangeException(nameof(which)),
        };
    }

    private sealed class Zeros(long length) : Stream
    {
        private long _left = length;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = (int)Math.Min(_left, count);
            Array.Clear(buffer, offset, read);
            _left -= read;
            return read;
        }

        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
