using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;

namespace AgentKernel.Packaging.Tests.Service;

/// <summary>What is wrong with a request or a bundle is said, and nothing is left of it.</summary>
public sealed class BadInputTests
{
    private static readonly string Unknown = $"blob://sha256:{new string('0', 64)}";

    [Theory]
    [InlineData("a/b", "name")]
    [InlineData("..", "name")]
    [InlineData(".", "name")]
    [InlineData("", "name")]
    [InlineData("UPPER", "name")]
    [InlineData("-x", "name")]
    [InlineData("a\nb", "name")]
    public async Task Request_BadImageOrLabelName_NamesTheField(string name, string field)
    {
        await using var service = await RunningPackaging.StartAsync();
        var uri = await service.UploadAsync(("a", "1"));
        var image = await RefusedAsync(service, RunningPackaging.Request(name, (uri, "a", "")));
        Assert.StartsWith(field, image.Message, StringComparison.Ordinal);
        var label = await RefusedAsync(service, RunningPackaging.Request("ok", (uri, "fine", ""), (uri, name, "")));
        Assert.StartsWith($"bundles[1].labels.{field}", label.Message, StringComparison.Ordinal);
        Assert.Empty(service.Leftovers());
    }

    [Theory]
    [InlineData("http://example.com/a#sha256:00", "must begin with")]
    [InlineData("https://example.com/a", "must end in #sha256:")]
    [InlineData("https://user:secret@example.com/a", "without a user")]
    [InlineData("blob://sha256:12", "64 lower-case")]
    [InlineData("file:///etc", "no folder of this machine")]
    [InlineData("file://host/etc", "must begin with")]
    [InlineData("", "must begin with")]
    public async Task Request_BadUri_NamesTheFieldAndTheRule(string uri, string rule)
    {
        await using var service = await RunningPackaging.StartAsync();
        var refused = await RefusedAsync(service, RunningPackaging.Request("image", (uri, "a", "")));
        Assert.StartsWith("bundles[0].uri", refused.Message, StringComparison.Ordinal);
        Assert.Contains(rule, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Request_TypeTwiceOrNothing_IsRefused()
    {
        await using var service = await RunningPackaging.StartAsync();
        Assert.Contains("helpers, skill, data", (await RefusedAsync(service, RunningPackaging.Request("image", (Unknown, "a", "code")))).Message, StringComparison.Ordinal);
        Assert.Contains("bundles[1].labels.name", (await RefusedAsync(service, RunningPackaging.Request("image", (Unknown, "a", ""), (Unknown, "a", "")))).Message, StringComparison.Ordinal);
        Assert.StartsWith("bundles:", (await RefusedAsync(service, new() { Name = "image" })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Job_UnknownBlob_FailsWithNotFound()
    {
        await using var service = await RunningPackaging.StartAsync();
        var failed = await Assert.ThrowsAsync<RpcException>(() => service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("image", (Unknown, "a", ""))));
        Assert.Equal(RpcStatusCode.NotFound, failed.Code);
        Assert.Contains("bundle 'a'", failed.Message, StringComparison.Ordinal);
        Assert.Empty(service.Leftovers());
    }

    [Theory]
    [InlineData("../evil", "'..'")]
    [InlineData("/evil", "absolute")]
    public async Task Job_HostileName_FailsAndLeavesNothing(string name, string why)
    {
        await using var service = await RunningPackaging.StartAsync();
        await FailsAsync(service, await PutTarAsync(service, new PaxTarEntry(TarEntryType.RegularFile, "fine") { DataStream = new MemoryStream([1]) }, new PaxTarEntry(TarEntryType.RegularFile, name)), why);
    }

    [Fact]
    public async Task Job_HostileEntries_FailAndLeaveNothing()
    {
        await using var service = await RunningPackaging.StartAsync();
        await FailsAsync(service, await PutTarAsync(service, new PaxTarEntry(TarEntryType.SymbolicLink, "out") { LinkName = "../../../etc" }), "'out'");
        await FailsAsync(service, await PutTarAsync(service, new PaxTarEntry(TarEntryType.SymbolicLink, "d") { LinkName = "." }, new PaxTarEntry(TarEntryType.RegularFile, "d/x")), "'d/x'");
        await FailsAsync(service, await PutTarAsync(service, new PaxTarEntry(TarEntryType.HardLink, "h") { LinkName = "/etc/passwd" }), "'h'");
        await FailsAsync(service, await PutTarAsync(service, new PaxTarEntry(TarEntryType.CharacterDevice, "dev") { DeviceMajor = 1, DeviceMinor = 3 }), "'dev'");
        await FailsAsync(service, await PutTarAsync(service, new PaxTarEntry(TarEntryType.RegularFile, "A"), new PaxTarEntry(TarEntryType.RegularFile, "a")), "case");
        await FailsAsync(service, await PutTarAsync(service, new PaxTarEntry(TarEntryType.RegularFile, "a"), new PaxTarEntry(TarEntryType.RegularFile, "a")), "twice");
    }

    [Fact]
    public async Task Job_BillionByteBombAndTooManyFiles_FailAtTheLimit()
    {
        await using var service = await RunningPackaging.StartAsync(new() { MaxBlobBytes = 8 << 20, MaxBundleEntries = 1000 });
        using var bomb = new MemoryStream();
        await using (var gzip = new GZipStream(bomb, CompressionLevel.Fastest, leaveOpen: true))
        {
            // The header says a billion bytes; the body begins with as many as the limit allows.
            var header = new byte[512];
            Archives.HeaderOf("bomb", 1_000_000_000).CopyTo(header, 0);
            await gzip.WriteAsync(header);
            await gzip.WriteAsync(new byte[32 << 20]);
        }

        await FailsAsync(service, await PutAsync(service, bomb.ToArray()), "unpacks to more than");
        await FailsAsync(service, await PutTarAsync(service, [.. Enumerable.Range(0, 1001).Select(i => new PaxTarEntry(TarEntryType.RegularFile, $"f{i}"))]), "1000");
    }

    [Fact]
    public async Task Job_DamagedOrTruncatedArchive_FailsAndLeavesNothing()
    {
        await using var service = await RunningPackaging.StartAsync();
        await FailsAsync(service, await PutAsync(service, [0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7]), "");
        using var tar = new MemoryStream();
        await using (var writer = new TarWriter(tar, leaveOpen: true))
        {
            await writer.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, "a") { DataStream = new MemoryStream(new byte[4000]) });
        }

        await FailsAsync(service, await PutAsync(service, tar.ToArray()[..3000]), "");
    }

    [Fact]
    public async Task Job_FileOutsideTheRoots_IsRefusedAlsoThroughALink()
    {
        using var root = new TemporaryFolder();
        using var outside = new TemporaryFolder();
        outside.Write("secret", "s"u8);
        root.Write("in/file", "inside"u8);
        File.CreateSymbolicLink(root.Combine("way-out"), outside.Path);
        await using var service = await RunningPackaging.StartAsync(new() { FileRoots = { root.Path } });
        foreach (var uri in new[] { $"file://{outside.Path}", $"file://{root.Path}/way-out", $"file://{root.Path}/../{Path.GetFileName(outside.Path)}", $"file://{root.Path}/missing" })
        {
            var failed = await Assert.ThrowsAsync<RpcException>(() => service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("image", (uri, "a", ""))));
            Assert.Equal(RpcStatusCode.InvalidArgument, failed.Code);
            Assert.Empty(service.Leftovers());
        }

        var image = await service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("image", ($"file://{root.Path}/in", "a", "")));
        Assert.Equal("inside", await File.ReadAllTextAsync(Path.Combine(service.Images.Resolve(image.Id).Path, "bundles/a/file")));
    }

    private static async Task<RpcException> RefusedAsync(RunningPackaging service, CreateAgentImageRequest request)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(() => service.Client.Packaging.StartImageAsync(request));
        Assert.Equal(RpcStatusCode.InvalidArgument, refused.Code);
        return refused;
    }

    private static async Task FailsAsync(RunningPackaging service, string uri, string why)
    {
        var failed = await Assert.ThrowsAsync<RpcException>(() => service.Client.Packaging.CreateImageAsync(RunningPackaging.Request("image", (uri, "hostile", ""))));
        Assert.Equal(RpcStatusCode.InvalidArgument, failed.Code);
        Assert.Contains("bundle 'hostile'", failed.Message, StringComparison.Ordinal);
        Assert.Contains(why, failed.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(service.Home, failed.Message, StringComparison.Ordinal);
        Assert.Empty(service.Leftovers());
    }

    private static async Task<string> PutTarAsync(RunningPackaging service, params TarEntry[] entries)
    {
        using var tar = new MemoryStream();
        await using (var writer = new TarWriter(tar, leaveOpen: true))
        {
            foreach (var entry in entries)
            {
                await writer.WriteEntryAsync(entry);
            }
        }

        return await PutAsync(service, tar.ToArray());
    }

    private static async Task<string> PutAsync(RunningPackaging service, byte[] content)
    {
        using var folder = new TemporaryFolder();
        return (await service.Client.Blobs.UploadFileAsync(folder.Write("content", content))).Uri;
    }

    private static class Archives
    {
        public static byte[] HeaderOf(string name, long size)
        {
            var block = new byte[512];
            Encoding.ASCII.GetBytes(name).CopyTo(block, 0);
            Encoding.ASCII.GetBytes("0000644\0" + "0000000\0" + "0000000\0" + Convert.ToString(size, 8).PadLeft(11, '0') + "\0" + "00000000000\0").CopyTo(block, 100);
            block.AsSpan(148, 8).Fill((byte)' ');
            block[156] = (byte)'0';
            Encoding.ASCII.GetBytes("ustar\000").CopyTo(block, 257);
            Encoding.ASCII.GetBytes(Convert.ToString(block.Sum(b => b), 8).PadLeft(6, '0') + "\0 ").CopyTo(block, 148);
            return block;
        }
    }
}
