using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Threading.Channels;
using AgentKernel.Packaging.Backends.Oci.Images;

namespace AgentKernel.Packaging.Backends.Oci.Layers;

/// <summary>What a compressed stream came to.</summary>
/// <param name="Uncompressed">The digest of what was written, a layer's diff id.</param>
/// <param name="Compressed">The digest of the gzip data, and its length in bytes.</param>
internal sealed record GzipDigests(Digest Uncompressed, Digest Compressed, long Size);

/// <summary>
/// Compresses what is written to it on all cores, into one gzip stream of one member that any tool reads, and hashes both
/// sides on the way. The same bytes give the same output whatever the number of cores. Memory is bounded: when all blocks
/// are in work, a write waits.
/// </summary>
internal sealed class ParallelGzipStream : Stream
{
    private static readonly byte[] Header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

    // A last block of deflate with nothing in it.
    private static readonly byte[] End = [0x03, 0x00];

    private readonly Stream _output;
    private readonly ZLibCompressionOptions _options;
    private readonly Channel<(GzipBlock Block, Task Compressed)> _inOrder = Channel.CreateBounded<(GzipBlock, Task)>(
        new BoundedChannelOptions(Environment.ProcessorCount) { SingleReader = true, SingleWriter = true });
    private readonly ConcurrentBag<GzipBlock> _free = [];
    private readonly IncrementalHash _uncompressed = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IncrementalHash _compressed = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly CancellationTokenSource _disposed = new();
    private readonly Task<long> _writing;
    private GzipBlock _current = new();

    /// <param name="output">Where the gzip data goes; it stays open.</param>
    /// <param name="level">zlib's compression level, 1 to 9.</param>
    public ParallelGzipStream(Stream output, int level)
    {
        _output = output;
        _options = new ZLibCompressionOptions { CompressionLevel = level };
        _writing = WriteInOrderAsync(_disposed.Token);
    }

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!buffer.IsEmpty)
        {
            var taken = Math.Min(buffer.Length, GzipBlock.Size - _current.Length);
            buffer.Span[..taken].CopyTo(_current.Input.AsSpan(_current.Length));
            _current.Length += taken;
            buffer = buffer[taken..];
            if (_current.Length == GzipBlock.Size)
            {
                await SubmitAsync(cancellationToken);
            }
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Ends the stream; nothing can be written after it.</summary>
    public async Task<GzipDigests> CompleteAsync(CancellationToken cancellationToken)
    {
        if (_current.Length > 0)
        {
            await SubmitAsync(cancellationToken);
        }

        _inOrder.Writer.TryComplete();
        var size = await _writing.WaitAsync(cancellationToken);
        return new(Digest.FromHash(_uncompressed.GetHashAndReset()), Digest.FromHash(_compressed.GetHashAndReset()), size);
    }

    public override async ValueTask DisposeAsync()
    {
        _inOrder.Writer.TryComplete();
        await _disposed.CancelAsync();
        await ((Task)_writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        _uncompressed.Dispose();
        _compressed.Dispose();
        _disposed.Dispose();
        await base.DisposeAsync();
    }

    public override void Flush()
    {
        // A block is compressed when it is full: earlier would make the output depend on when somebody flushed.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("only asynchronous writes wait for free blocks");

    private async ValueTask SubmitAsync(CancellationToken cancellationToken)
    {
        var block = _current;
        // Compressing is work for a core, hence the pool; this core hashes meanwhile.
        var compressed = Task.Run(() => block.Compress(_options), CancellationToken.None);
        _uncompressed.AppendData(block.Input.AsSpan(0, block.Length));
        try
        {
            await _inOrder.Writer.WriteAsync((block, compressed), cancellationToken);
        }
        catch (ChannelClosedException closed) when (closed.InnerException is { } failure)
        {
            await compressed;
            throw new IOException($"could not write the layer: {failure.Message}", failure);
        }

        _current = _free.TryTake(out var free) ? free : new();
        _current.Length = 0;
    }

    private async Task<long> WriteInOrderAsync(CancellationToken cancellationToken)
    {
        var (crc, length, size) = (0u, 0L, 0L);
        try
        {
            await EmitAsync(Header);
            await foreach (var (block, compressed) in _inOrder.Reader.ReadAllAsync(cancellationToken))
            {
                await compressed;
                await EmitAsync(block.Compressed);
                crc = Crc32.Join(crc, block.Crc, block.Length);
                length += block.Length;
                _free.Add(block);
            }

            var trailer = new byte[8];
            BinaryPrimitives.WriteUInt32LittleEndian(trailer, crc);
            BinaryPrimitives.WriteUInt32LittleEndian(trailer.AsSpan(4), (uint)length);
            await EmitAsync(End);
            await EmitAsync(trailer);
            return size;
        }
        catch (Exception failure)
        {
            // Wakes the writer, which would otherwise wait for a place for ever.
            _inOrder.Writer.TryComplete(failure);
            throw;
        }

        async ValueTask EmitAsync(ReadOnlyMemory<byte> bytes)
        {
            _compressed.AppendData(bytes.Span);
            await _output.WriteAsync(bytes, cancellationToken);
            size += bytes.Length;
        }
    }
}
