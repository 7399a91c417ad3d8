using System.Buffers.Binary;
using System.IO.Compression;

namespace AgentKernel.Packaging.Backends.Oci.Layers;

/// <summary>One piece of a stream, compressed by itself, so that several cores can work on one stream. Used again and again.</summary>
internal sealed class GzipBlock
{
    /// <summary>Large enough that starting afresh costs about one percent of size, small enough that a few at a time are little memory.</summary>
    public const int Size = 1024 * 1024;

    // What GZipStream writes before the compressed data: a header without name or time.
    private const int HeaderBytes = 10;

    private static readonly ZLibCompressionOptions Stored = new() { CompressionLevel = 0 };

    // What does not compress grows by some bytes in each of deflate's own blocks.
    private readonly byte[] _output = new byte[Size + (Size / 8)];
    private readonly NoiseDetector _noise = new();

    private int _compressedLength;

    public byte[] Input { get; } = new byte[Size];

    public int Length { get; set; }

    /// <summary>The CRC-32 of the input.</summary>
    public uint Crc { get; private set; }

    /// <summary>Deflate data that ends at a byte and is not the last of its stream, so that the next block's can follow.</summary>
    public ReadOnlyMemory<byte> Compressed => _output.AsMemory(0, _compressedLength);

    /// <summary>Compresses the input; parts of it that would not become smaller are stored, which costs next to nothing.</summary>
    public void Compress(ZLibCompressionOptions options)
    {
        (_compressedLength, Crc) = (0, 0);
        _noise.Reset();
        for (var start = 0; start < Length;)
        {
            var isNoise = _noise.IsNoise(Input, start, Length);
            var end = Math.Min(start + NoiseDetector.Segment, Length);
            while (end < Length && _noise.IsNoise(Input, end, Length) == isNoise)
            {
                end = Math.Min(end + NoiseDetector.Segment, Length);
            }

            Append(Input.AsSpan(start, end - start), isNoise ? Stored : options);
            start = end;
        }
    }

    private void Append(ReadOnlySpan<byte> part, ZLibCompressionOptions options)
    {
        using var output = new MemoryStream(_output);
        output.Position = _compressedLength;
        int length;
        using (var gzip = new GZipStream(output, options, leaveOpen: true))
        {
            gzip.Write(part);
            gzip.Flush();
            length = (int)output.Position - _compressedLength - HeaderBytes;
        }

        // Closing has added an end that is not wanted here, and the CRC that is.
        Crc = Crc32.Join(Crc, BinaryPrimitives.ReadUInt32LittleEndian(_output.AsSpan((int)output.Position - 8)), part.Length);
        _output.AsSpan(_compressedLength + HeaderBytes, length).CopyTo(_output.AsSpan(_compressedLength));
        _compressedLength += length;
    }
}
