using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace AgentKernel.Packaging.Backends.Oci.Layers;

/// <summary>
/// Tells data that does not compress (images, archives, weights, keys) from data that may: all bytes are about as frequent,
/// and nothing comes twice. A compressor would search such data longest, for nothing.
/// </summary>
internal sealed class NoiseDetector
{
    /// <summary>The bytes judged at a time.</summary>
    public const int Segment = 16 * 1024;

    /// <summary>
    /// The sum of the squared frequencies, in proportion to that of bytes that are all as frequent. At this much Huffman codes
    /// save less than two percent.
    /// </summary>
    private const double Flat = 1.1;

    // A match saves some bytes: more of them than this in a segment are worth the search.
    private const int FewMatches = Segment / 256;
    private const int HashBits = 14;

    private readonly int[] _counts = new int[256];
    private readonly int[] _positions = new int[1 << HashBits];
    private int _judged;
    private bool _last;

    /// <summary>Begins with a new input.</summary>
    public void Reset()
    {
        Array.Fill(_positions, -1);
        _judged = -1;
    }

    /// <summary>Judges the segment at <paramref name="start"/>; segments come in order.</summary>
    public bool IsNoise(byte[] input, int start, int length)
    {
        if (start != _judged)
        {
            _judged = start;
            var end = Math.Min(start + Segment, length);
            // Too short to tell: a compressor is done with it soon.
            _last = end - start >= Segment / 4 && IsFlat(input.AsSpan(start, end - start)) && !HasMatches(input.AsSpan(0, end), start);
        }

        return _last;
    }

    // Both loops see every bundle's bytes, and a short-lived program would be done before they had warmed up.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool IsFlat(ReadOnlySpan<byte> segment)
    {
        Array.Clear(_counts);
        var counts = _counts.AsSpan();
        var counted = 0;
        // A third of them tells as much; numbers of two, four or eight bytes do not come out of step with it.
        for (var at = 0; at < segment.Length; at += 3, counted++)
        {
            counts[segment[at]]++;
        }

        var squares = 0L;
        foreach (var count in counts)
        {
            squares += (long)count * count;
        }

        return squares * 256.0 / counted / counted < Flat;
    }

    /// <summary>Whether much of the segment came before, in it or in the flat ones before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool HasMatches(ReadOnlySpan<byte> input, int start)
    {
        var matches = 0;
        for (var at = start; at + sizeof(uint) <= input.Length; at++)
        {
            var value = BinaryPrimitives.ReadUInt32LittleEndian(input[at..]);
            ref var position = ref _positions[(value * 2654435761u) >> (32 - HashBits)];
            if (position >= 0 && BinaryPrimitives.ReadUInt32LittleEndian(input[position..]) == value && ++matches > FewMatches)
            {
                return true;
            }

            position = at;
        }

        return false;
    }
}
