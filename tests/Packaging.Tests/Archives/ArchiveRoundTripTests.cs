using System.Diagnostics;
using System.Formats.Tar;
using AgentKernel.Packaging.Archives;

namespace AgentKernel.Packaging.Tests.Archives;

public sealed class ArchiveRoundTripTests : IDisposable
{
    private readonly TemporaryFolder _temporary = new();

    [Fact]
    public async Task Write_SameFilesElsewhereAndLater_GiveTheSameBytes()
    {
        string[] names = ["b/two", "a-b", "a/one", "ä/ö", new string('l', 120) + "/" + new string('m', 200), "z"];
        foreach (var name in names)
        {
            _temporary.Write(Path.Combine("first", name), System.Text.Encoding.UTF8.GetBytes(name));
        }

        foreach (var name in names.Reverse())
        {
            var path = _temporary.Write(Path.Combine("elsewhere", "second", name), System.Text.Encoding.UTF8.GetBytes(name));
            File.SetLastWriteTimeUtc(path, new DateTime(1999, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        }

        Assert.Equal(await PackAsync("first"), await PackAsync(Path.Combine("elsewhere", "second")));
    }

    [Fact]
    public async Task Write_ThenGnuTarExtracts_TheSameFilesAndModes()
    {
        Fill("source");
        var archive = _temporary.Write("source.tar", await PackAsync("source"));
        Directory.CreateDirectory(_temporary.Combine("out"));
        await RunAsync("tar", "-xpf", archive, "-C", _temporary.Combine("out"));

        Assert.Equal(FolderListing.Of(_temporary.Combine("source")), FolderListing.Of(_temporary.Combine("out")));
    }

    [Fact]
    public async Task Write_ThenDotNetReads_TheSameNames()
    {
        Fill("source");
        await using var reader = new TarReader(new MemoryStream(await PackAsync("source")));
        var names = new List<string>();
        while (await reader.GetNextEntryAsync() is { } entry)
        {
            Assert.Equal((0, 0), (entry.Uid, entry.Gid));
            Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(TarBlock.Time), entry.ModificationTime);
            names.Add(entry.Name.TrimEnd('/'));
        }

        Assert.Equal(FolderListing.Of(_temporary.Combine("source")).Length, names.Count);
    }

    [Theory]
    [InlineData("gnu")]
    [InlineData("pax")]
    [InlineData("ustar")]
    [InlineData("v7")]
    public async Task GnuTarWrites_ThenExtracted_TheSameFilesAndModes(string format)
    {
        Fill("source", longNames: format is "gnu" or "pax");
        var archive = _temporary.Combine("source.tar");
        await RunAsync("tar", $"--format={format}", "--hard-dereference", "-czf", archive, "-C", _temporary.Combine("source"), ".");

        await using var stream = await ArchiveStream.OpenAsync(File.OpenRead(archive), default);
        await ArchiveExtractor.ExtractAsync(stream, _temporary.Combine("out"), ArchiveLimits.Default, default);

        Assert.Equal(FolderListing.Of(_temporary.Combine("source")), FolderListing.Of(_temporary.Combine("out")));
    }

    [Fact]
    public async Task Extract_HardLink_IsAFileOfItsOwn()
    {
        using var tar = new HostileTar();
        tar.File("one", "same").HardLink("two", "one");
        await ArchiveExtractor.ExtractAsync(tar.Stream(), _temporary.Combine("out"), ArchiveLimits.Default, default);
        await File.AppendAllTextAsync(_temporary.Combine("out", "one"), "more");

        Assert.Equal("same", await File.ReadAllTextAsync(_temporary.Combine("out", "two")));
    }

    [Fact]
    public async Task Write_PipeInTheFolder_IsRefusedByName()
    {
        Directory.CreateDirectory(_temporary.Combine("source", "sub"));
        await RunAsync("mkfifo", _temporary.Combine("source", "sub", "pipe"));

        var refusal = await Assert.ThrowsAsync<ArchiveException>(() => PackAsync("source"));

        Assert.Contains("'sub/pipe'", refusal.Message);
    }

    [Fact]
    public async Task Write_FileThatGrows_IsRefusedByName()
    {
        var writer = new ArchiveWriter(Stream.Null);

        var refusal = await Assert.ThrowsAsync<ArchiveException>(() =>
            writer.WriteAsync(ArchiveEntry.File("growing", 3), new MemoryStream(new byte[4]), default));

        Assert.Contains("'growing'", refusal.Message);
    }

    [Fact]
    public async Task Write_NineGigabytes_KeepsTheLength()
    {
        using var header = new MemoryStream();
        // Only the header matters; a content of that length would take minutes.
        await Assert.ThrowsAsync<ArchiveException>(() => new ArchiveWriter(header).WriteAsync(ArchiveEntry.File("large", 9L << 30), Stream.Null, default));
        header.Position = 0;

        Assert.Equal(9L << 30, (await new ArchiveReader(header, ArchiveLimits.Default).NextAsync(default))!.Size);
    }

    public void Dispose() => _temporary.Dispose();

    private void Fill(string folder, bool longNames = true)
    {
        _temporary.Write($"{folder}/plain", "plain"u8);
        _temporary.Write($"{folder}/empty", ""u8);
        _temporary.Write($"{folder}/bin/tool", "#!/bin/sh\n"u8, (UnixFileMode)0b111_101_101);
        _temporary.Write($"{folder}/secret", "s"u8, (UnixFileMode)0b110_000_000);
        _temporary.Write($"{folder}/large", new byte[1_000_000]);
        _temporary.Write($"{folder}/block", new byte[512]);
        _temporary.Write($"{folder}/größe/наука", "x"u8);
        if (longNames)
        {
            _temporary.Write($"{folder}/{new string('d', 150)}/{new string('e', 255)}", "long"u8);
            File.CreateSymbolicLink(_temporary.Combine(folder, "far"), $"{new string('d', 150)}/{new string('e', 255)}");
        }

        File.CreateSymbolicLink(_temporary.Combine(folder, "bin", "link"), "../plain");
        File.CreateSymbolicLink(_temporary.Combine(folder, "dangling"), "not/there");
        Directory.CreateDirectory(_temporary.Combine(folder, "hollow"), (UnixFileMode)0b111_000_000);
    }

    private async Task<byte[]> PackAsync(string folder)
    {
        using var bytes = new MemoryStream();
        await FolderArchive.WriteAsync(_temporary.Combine(folder), bytes, default);
        return bytes.ToArray();
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, UseShellExecute = false })!;
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {errors}");
    }
}
