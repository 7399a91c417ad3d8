using System.IO.Compression;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Backends.Oci.Layers;
using FsCheck;
using FsCheck.Fluent;

namespace AgentKernel.Packaging.Tests.Oci;

public sealed class ParallelGzipTests : OciTest
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(GzipBlock.Size - 1)]
    [InlineData(GzipBlock.Size)]
    [InlineData(GzipBlock.Size + 1)]
    [InlineData((7 * GzipBlock.Size) + 12345)]
    public async Task Write_AnyLength_IsOneGzipStreamOfTheSameBytes(int length)
    {
        // Half of it noise, so that blocks that do not compress are among them.
        var bytes = new byte[length];
        Noise.Bytes(length / 2, seed: length).CopyTo(bytes, 0);
        using var output = new MemoryStream();
        var digests = await CompressAsync(bytes, output, pieces: 100_000);

        Assert.Equal(Digest.Of(bytes), digests.Uncompressed);
        Assert.Equal(Digest.Of(output.ToArray()), digests.Compressed);
        Assert.Equal(output.Length, digests.Size);
        var file = Temporary.Write("out.gz", output.ToArray());
        await Tool.RunAsync("gzip", "-t", file);
        Assert.Equal(bytes, Decompress(output));
    }

    [Fact]
    public void Write_InAnyPieces_GivesTheSameOutput() =>
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), Gen.Choose(1, 300).ToArbitrary(), (noise, pieces) =>
        {
            var bytes = Enumerable.Repeat(noise ?? [], 50).SelectMany(part => part).ToArray();
            using var whole = new MemoryStream();
            using var cut = new MemoryStream();
            var first = CompressAsync(bytes, whole, pieces: int.MaxValue).GetAwaiter().GetResult();
            var second = CompressAsync(bytes, cut, pieces).GetAwaiter().GetResult();
            Assert.Equal(first, second);
            Assert.Equal(bytes, Decompress(cut));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(60));

    [Fact]
    public async Task Write_NoiseBetweenText_IsAsSmallAsEachByItself()
    {
        var text = System.Text.Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 40_000).Select(line => $"line {line} of the text\n")));
        var noise = Noise.Bytes(700_000, seed: 8);
        using var mixed = new MemoryStream();
        using var alone = new MemoryStream();

        var all = await CompressAsync([.. text, .. noise, .. text, .. noise.Reverse()], mixed, pieces: 10_000);
        var one = await CompressAsync(text, alone, pieces: 10_000);

        Assert.InRange(all.Size, 1_400_000, 1_405_000 + (3 * one.Size));
    }

    [Fact]
    public async Task Write_NoiseThatComesAgain_IsCompressed()
    {
        var noise = Noise.Bytes(10_000, seed: 9);
        using var output = new MemoryStream();

        var digests = await CompressAsync([.. Enumerable.Repeat(noise, 100).SelectMany(bytes => bytes)], output, pieces: 10_000);

        Assert.True(digests.Size < 200_000, $"{digests.Size} bytes of 1000000");
    }

    [Fact]
    public async Task Write_DiskFull_FailsAndDoesNotHang()
    {
        await using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);

        await Assert.ThrowsAsync<IOException>(() => CompressAsync(Noise.Bytes(20 * GzipBlock.Size, seed: 5), full, pieces: GzipBlock.Size)).WaitAsync(Patience.Limit);
    }

    private static async Task<GzipDigests> CompressAsync(byte[] bytes, Stream output, int pieces)
    {
        await using var gzip = new ParallelGzipStream(output, LayerBuilder.DefaultLevel);
        for (var at = 0; at < bytes.Length;)
        {
            var count = Math.Min(pieces, bytes.Length - at);
            await gzip.WriteAsync(bytes.AsMemory(at, count), Patience.Token);
            at += count;
        }

        return await gzip.CompleteAsync(Patience.Token);
    }

    private static byte[] Decompress(MemoryStream compressed)
    {
        compressed.Position = 0;
        using var gzip = new GZipStream(compressed, CompressionMode.Decompress, leaveOpen: true);
        using var bytes = new MemoryStream();
        gzip.CopyTo(bytes);
        return bytes.ToArray();
    }
}
